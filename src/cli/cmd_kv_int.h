/*
 * cmd_kv_int.h - what the kv verbs share. Private to cli.
 */
#ifndef SLV_CLI_CMD_KV_INT_H
#define SLV_CLI_CMD_KV_INT_H

#include "cli/rest.h"

#define KV_ID_MAX 600

/* Flags that say which namespace. */
#define KV_FLAGS                                                                                   \
    {"binding", SLV_FLAG_STRING, 0, "NAME", "binding of the namespace in the configuration"},      \
        {"namespace-id", SLV_FLAG_STRING, 0, "ID", "id of the namespace"},                         \
    {                                                                                              \
        "preview", SLV_FLAG_BOOL, 0, NULL, "the binding's preview namespace"                       \
    }

typedef struct kv_target {
    char id[KV_ID_MAX];
    char display[KV_ID_MAX * 2]; /* binding: "KV" (id: "...") */
} kv_target;

/* By --namespace-id, --binding, or `title` (NULL: none). */
SLV_NODISCARD slv_code slv_kv_target_find(slv_rest *rest, const slv_args *args, const char *title,
                                          kv_target *ret, slv_err *err);
/* Appends "/storage/kv/namespaces/ID" and tail. */
SLV_NODISCARD slv_code slv_kv_path(slv_buf *out, const char *id, const char *tail);
/* The id of the namespace with that title. SLV_E_NOTFOUND with wrangler's text. */
SLV_NODISCARD slv_code slv_kv_find_title(slv_rest *rest, const char *title, const char *hint,
                                         kv_target *ret, slv_err *err);
/* Asks on a terminal; elsewhere the answer is yes. */
bool slv_kv_confirm(const char *question);
/* One of the flags is needed. */
SLV_NODISCARD slv_code slv_kv_demand(const slv_args *args, slv_err *err);

#endif
