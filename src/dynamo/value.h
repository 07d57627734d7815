/*
 * value.h - attribute values: as a tree in an arena, as DynamoDB JSON, and as the bytes that are
 * stored. An item is a value of type M.
 *
 * Trees are immutable by convention: whoever changes a value makes a new one that shares what did
 * not change. They are canonical: the members of a map are ordered by name, those of a set by their
 * bytes, numbers are normalised; so equal values have equal trees and equal stored bytes.
 *
 * Ownership: trees made by slv_dyn_value_decode borrow strings from the bytes, those made from JSON
 * from the nodes. Threads: any; a tree is read only.
 *
 * Limits: SLV_DYN_DEPTH_MAX levels of lists and maps; memory by the arena.
 */
#ifndef SLV_DYNAMO_VALUE_H
#define SLV_DYNAMO_VALUE_H

#include "dynamo/number.h"
#include "fmt/doc.h"

#define SLV_DYN_DEPTH_MAX 32
#define SLV_DYN_ITEM_MAX ((size_t)400 * 1024) /* by slv_dyn_item_size */
#define SLV_DYN_NAME_MAX                                                                           \
    ((size_t)65535) /* bytes of the name of an attribute, or of a key of a map */
#define SLV_DYN_HASH_KEY_MAX ((size_t)2048)
#define SLV_DYN_RANGE_KEY_MAX ((size_t)1024)

typedef enum slv_dyn_type {
    SLV_DYN_S,
    SLV_DYN_N,
    SLV_DYN_B,
    SLV_DYN_SS,
    SLV_DYN_NS,
    SLV_DYN_BS,
    SLV_DYN_M,
    SLV_DYN_L,
    SLV_DYN_BOOL,
    SLV_DYN_NULL,
    SLV_DYN_TYPES,
} slv_dyn_type;

typedef struct slv_dyn_member slv_dyn_member;
typedef struct slv_dyn_value slv_dyn_value;
struct slv_dyn_value {
    uint8_t type;   /* slv_dyn_type */
    bool boolean;   /* BOOL */
    uint32_t count; /* of set (never 0), list, map */
    union {
        slv_str bytes;                 /* S: UTF-8; B: raw; N: see number.h */
        const slv_str *set;            /* SS, NS, BS: ordered, no duplicates */
        const slv_dyn_value *list;     /* L */
        const slv_dyn_member *members; /* M: ordered by name, no duplicates */
    };
};
struct slv_dyn_member {
    slv_str name;
    slv_dyn_value value;
};

const char *slv_dyn_type_name(slv_dyn_type t); /* "SS" */
/* False when text names no type. */
bool slv_dyn_type_parse(slv_str text, slv_dyn_type *ret);
static inline bool slv_dyn_type_scalar_key(slv_dyn_type t) /* what a key attribute may be */
{
    return t == SLV_DYN_S || t == SLV_DYN_N || t == SLV_DYN_B;
}

/* ---- JSON ---- */

/* A value that the request's shape was already checked for (see request.h; a node of another shape
   is a SerializationException as well): {"S": "..."}. The rules of values: exactly one member, sets
   not empty and without duplicates, numbers, NULL true, depth. */
SLV_NODISCARD slv_code slv_dyn_value_parse(slv_dyn_scope *sc, const slv_node *json,
                                           slv_dyn_value *ret);
/* {"name": value, ...}: an item or a key. */
SLV_NODISCARD slv_code slv_dyn_item_parse(slv_dyn_scope *sc, const slv_node *json,
                                          slv_dyn_value *ret);
/* Appends {"S":"..."}. */
SLV_NODISCARD slv_code slv_dyn_value_put_json(const slv_dyn_value *v, slv_buf *out);
/* Appends {"name":{"S":"..."},...}. item is of type M. */
SLV_NODISCARD slv_code slv_dyn_item_put_json(const slv_dyn_value *item, slv_buf *out);

/* ---- plain JSON: values as programs have them ---- */

/* A text, a number, true, null, a map; sets are arrays. Bytes, which JSON lacks, are an object of
   one member whose name begins with NUL: {"\0B":base64}, {"\0BS":[...]}; a name that begins with
   NUL by itself gets another. */
typedef struct slv_dyn_plain {
    bool marked; /* there is such a name */
} slv_dyn_plain;

/* An item; numbers have all their digits. */
SLV_NODISCARD slv_code slv_dyn_item_put_plain(const slv_dyn_value *item, slv_dyn_plain *plain,
                                              slv_buf *out);
SLV_NODISCARD slv_code slv_dyn_item_bytes_put_plain(slv_str bytes, slv_dyn_plain *plain,
                                                    slv_buf *out);
/* Makes a plain value the API's, in place: "x" becomes {"S":"x"}. As dynamo-bao does: an array of
   texts is SS, of numbers NS, any other L. There are no marks here: a program's bytes go by the
   API's JSON. */
SLV_NODISCARD slv_code slv_dyn_plain_wrap(slv_arena *arena, slv_node *value);
/* The same with each member of an object. */
SLV_NODISCARD slv_code slv_dyn_plain_wrap_members(slv_arena *arena, slv_node *object);

/* ---- stored bytes: docs/formats/dynamo.md ---- */

/* Appends the bytes of an item: a version byte, then the map. */
SLV_NODISCARD slv_code slv_dyn_item_encode(const slv_dyn_value *item, slv_buf *out);
/* Appends the JSON of an item from its stored bytes, without a tree. SLV_E_PARSE as decode. */
SLV_NODISCARD slv_code slv_dyn_item_bytes_put_json(slv_str bytes, slv_buf *out);
/* SLV_E_PARSE for bytes that slv_dyn_item_encode does not make; the scope says nothing. The tree
   borrows from bytes. */
SLV_NODISCARD slv_code slv_dyn_item_decode(slv_dyn_scope *sc, slv_str bytes, slv_dyn_value *ret);

/* ---- sizes, as AWS counts them ---- */

/* A number: see number.h; L and M: 3 and one for each element; BOOL, NULL: 1. */
size_t slv_dyn_value_size(const slv_dyn_value *v);
/* Names (UTF-8) and values: what the 400 KB rule and capacity units are about. */
size_t slv_dyn_item_size(const slv_dyn_value *item);

/* ---- comparison ---- */

bool slv_dyn_value_eq(const slv_dyn_value *a, const slv_dyn_value *b);
/* Values of one type out of S, N, B: below 0, 0, above 0. */
int slv_dyn_value_cmp(const slv_dyn_value *a, const slv_dyn_value *b);
/* Member of a map (or item); NULL when absent, or item is NULL. */
const slv_dyn_value *slv_dyn_value_get(const slv_dyn_value *map, slv_str name);
bool slv_dyn_set_has(const slv_dyn_value *set, slv_str member);
/* Orders members by name and drops all but one of a name; returns how many are left. */
uint32_t slv_dyn_members_sort(slv_dyn_member *members, uint32_t count);

/* ---- key bytes ---- */

/* Appends bytes whose order is that of the values (S by UTF-8 bytes, N by value, B by unsigned
   bytes). With `more`, something follows them in the same key: they are then made so that no
   encoding is the beginning of another (NUL bytes of S and B escaped, an end mark). v is of type S,
   N or B. */
SLV_NODISCARD slv_code slv_dyn_key_append(const slv_dyn_value *v, bool more, slv_buf *out);
/* For begins_with: the least key bytes (made without `more`) above all that start with prefix, S or
   B. False where there is none (prefix empty or all bytes 255): the range is open. */
SLV_NODISCARD slv_code slv_dyn_key_prefix_end(slv_str prefix, slv_buf *out, bool *ret_bounded);

#endif
