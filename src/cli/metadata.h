/*
 * metadata.h - what a deployment says of a worker beside its code: the metadata of the control
 * API's contract, section 6, from a project's configuration.
 *
 * Pure. Strings are borrowed for the call.
 */
#ifndef SLV_CLI_METADATA_H
#define SLV_CLI_METADATA_H

#include "base/vec.h"
#include "cli/project.h"

/* What became of a binding that names no resource: it was made, or is that of the last version. */
typedef struct slv_provision {
    slv_str name; /* of the binding */
    slv_str id;   /* empty: inherit */
} slv_provision;

typedef struct slv_metadata {
    const slv_project *project;
    slv_str main_name; /* of the entry's part; empty: static files alone */
    bool service_worker;
    const slv_provision *provisions;
    size_t provision_count;
    slv_str assets_jwt; /* empty: no static files */
    slv_str headers_text, redirects_text;
    slv_str migration_tag; /* that the server has reached; empty: none */
    const slv_pair *secrets;
    size_t secret_count;
    bool keep_vars, keep_secrets;
    const char *message, *tag, *alias; /* NULL: none */
} slv_metadata;

/* Replaces what is in out. */
SLV_NODISCARD slv_code slv_metadata_write(const slv_metadata *m, slv_buf *out, slv_err *err);

/* True when migrations wait: such a version cannot be uploaded without being deployed. */
bool slv_metadata_migrates(const slv_metadata *m);

/* Tables of the configuration whose resource may be left out, and how the API calls them. */
typedef struct slv_provided_kind {
    const char *key, *id, *type;
} slv_provided_kind;
#define SLV_PROVIDED_KINDS 3
extern const slv_provided_kind slv_provided_kinds[SLV_PROVIDED_KINDS];

#endif
