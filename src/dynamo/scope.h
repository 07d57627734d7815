/*
 * scope.h - what one request of the table store works in: the arena of everything that is made for
 * it, and the error that ends it.
 *
 * Used by one thread at a time. A function that takes a scope and returns SLV_E_INVAL has said in
 * the scope what to answer; every other failure (SLV_E_LIMIT, SLV_E_NOMEM) is about memory and has
 * said nothing. Messages are AWS's own words, and of any length, so they live in the arena.
 *
 * Error names and the prefix of __type are those of the API model of 2012-08-10: what the service
 * itself models carries com.amazonaws.dynamodb.v20120810, what its framework finds carries
 * com.amazon.coral.service or com.amazon.coral.validate.
 */
#ifndef SLV_DYNAMO_SCOPE_H
#define SLV_DYNAMO_SCOPE_H

#include "base/arena.h"

#define SLV_DYN_PREFIX_MODEL "com.amazonaws.dynamodb.v20120810#"
#define SLV_DYN_PREFIX_CORAL "com.amazon.coral.service#"
#define SLV_DYN_PREFIX_VALIDATE "com.amazon.coral.validate#"

/* One row per error: constant, prefix of __type, name, HTTP status. */
#define SLV_DYN_ERRORS(X)                                                                          \
    X(VALIDATION, VALIDATE, "ValidationException", 400)                                            \
    X(SERIALIZATION, CORAL, "SerializationException", 400)                                         \
    X(UNKNOWN_OPERATION, CORAL, "UnknownOperationException", 400)                                  \
    X(ACCESS_DENIED, CORAL, "AccessDeniedException", 400)                                          \
    X(UNRECOGNIZED_CLIENT, CORAL, "UnrecognizedClientException", 400)                              \
    X(MISSING_TOKEN, CORAL, "MissingAuthenticationTokenException", 400)                            \
    X(INCOMPLETE_SIGNATURE, CORAL, "IncompleteSignatureException", 400)                            \
    X(INVALID_SIGNATURE, CORAL, "InvalidSignatureException", 400)                                  \
    X(INTERNAL, MODEL, "InternalServerError", 500)                                                 \
    X(CONDITIONAL, MODEL, "ConditionalCheckFailedException", 400)                                  \
    X(CANCELED, MODEL, "TransactionCanceledException", 400)                                        \
    X(CONFLICT, MODEL, "TransactionConflictException", 400)                                        \
    X(IN_PROGRESS, MODEL, "TransactionInProgressException", 400)                                   \
    X(TOKEN_MISMATCH, MODEL, "IdempotentParameterMismatchException", 400)                          \
    X(NOT_FOUND, MODEL, "ResourceNotFoundException", 400)                                          \
    X(IN_USE, MODEL, "ResourceInUseException", 400)                                                \
    X(LIMIT, MODEL, "LimitExceededException", 400)                                                 \
    X(COLLECTION_SIZE, MODEL, "ItemCollectionSizeLimitExceededException", 400)                     \
    X(THROUGHPUT, MODEL, "ProvisionedThroughputExceededException", 400)                            \
    X(TABLE_EXISTS, MODEL, "TableAlreadyExistsException", 400)                                     \
    X(TABLE_NOT_FOUND, MODEL, "TableNotFoundException", 400)

typedef enum slv_dyn_error {
    SLV_DYN_ERROR_NONE,
#define X(id, prefix, name, status) SLV_DYN_ERROR_##id,
    SLV_DYN_ERRORS(X)
#undef X
} slv_dyn_error;

typedef struct slv_dyn_scope {
    slv_arena *arena;    /* borrowed; outlives the scope */
    slv_dyn_error error; /* NONE until something failed with SLV_E_INVAL */
    slv_str message;     /* in the arena */
} slv_dyn_scope;

#define SLV_DYN_SCOPE(arena_ptr) ((slv_dyn_scope){(arena_ptr), SLV_DYN_ERROR_NONE, SLV_STR_NULL})

const char *slv_dyn_error_name(slv_dyn_error e); /* "ValidationException" */
const char *slv_dyn_error_type(slv_dyn_error e); /* "com.amazon.coral.validate#Validation..." */
int slv_dyn_error_status(slv_dyn_error e);       /* HTTP */
/* The member that carries the text: "Message" of what could not be read or was not
 * allowed, "message" of the rest. */
const char *slv_dyn_error_member(slv_dyn_error e);

/* Sets the error; returns SLV_E_INVAL (or that there is no memory for the message). */
slv_code slv_dyn_fail(slv_dyn_scope *sc, slv_dyn_error e, const char *fmt, ...) SLV_PRINTF(3, 4);
#define slv_dyn_invalid(sc, ...) slv_dyn_fail((sc), SLV_DYN_ERROR_VALIDATION, __VA_ARGS__)

/* SLV_E_LIMIT where the arena has no room. Zeroed. */
#define SLV_DYN_NEW(sc, ret) SLV_DYN_NEW_N(sc, ret, 1)
#define SLV_DYN_NEW_N(sc, ret, n)                                                                  \
    do {                                                                                           \
        *(ret) = slv_arena_try_alloc0((sc)->arena, (n) * sizeof **(ret));                          \
        if (SLV_UNLIKELY(!*(ret)))                                                                 \
            return SLV_E_LIMIT;                                                                    \
    } while (0)

#endif
