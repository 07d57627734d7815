/*
 * secret_int.h - the parts of the verbs on secrets: cmd_secret.c (of local runs), secret_remote.c
 * (of a server's worker), secret_text.c (values as they come). Private to cli. Main thread only.
 */
#ifndef SLV_CLI_SECRET_INT_H
#define SLV_CLI_SECRET_INT_H

#include "cli/script_verb.h"

#define SLV_SECRET_BULK_MAX ((size_t)8 << 20)

/* Typed without being seen, or all of standard input, trimmed. */
SLV_NODISCARD slv_code slv_secret_read_value(const char *name, slv_buf *out, slv_err *err);
/* An object of strings (null: delete) from the file that is named, or standard input: JSON, or
 * lines NAME=value. */
SLV_NODISCARD slv_code slv_secret_read_bulk(const slv_args *args, slv_arena *arena, slv_node **ret,
                                            slv_err *err);

SLV_NODISCARD slv_code slv_secret_remote_put(slv_script_verb *v, slv_err *err);
SLV_NODISCARD slv_code slv_secret_remote_list(slv_script_verb *v, slv_err *err);
SLV_NODISCARD slv_code slv_secret_remote_delete(slv_script_verb *v, slv_err *err);
SLV_NODISCARD slv_code slv_secret_remote_bulk(slv_script_verb *v, slv_err *err);

#endif
