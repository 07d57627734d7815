/*
 * tail_follow.h - a session of `tail` as a verb sees it: filters from flags, the socket, events as
 * people or programs read them. Main thread only.
 */
#ifndef SLV_CLI_TAIL_FOLLOW_H
#define SLV_CLI_TAIL_FOLLOW_H

#include "base/buf.h"
#include "cli/cmd.h"

/* Rows for slv_cmd.flags. */
#define SLV_TAIL_FLAGS                                                                             \
    {"format", SLV_FLAG_STRING, 0, "json|pretty", "how events are shown (pretty on a terminal)"},  \
        {"status", SLV_FLAG_LIST, 0, "ok|error|canceled", "only events that ended so"},            \
        {"method", SLV_FLAG_LIST, 0, "METHOD", "only requests by this method"},                    \
        {"header", SLV_FLAG_STRING, 0, "NAME:VALUE", "only requests with this header"},            \
        {"sampling-rate", SLV_FLAG_STRING, 0, "RATE", "of all events this part, 0 to 1"},          \
        {"search", SLV_FLAG_STRING, 0, "TEXT", "only events with this text in a console line"},    \
        {"ip", SLV_FLAG_LIST, 0, "ADDRESS", "only requests of this client; self is this machine"}, \
        {"version-id", SLV_FLAG_STRING, 0, "ID", "only events of this version"},                   \
    {                                                                                              \
        "debug", SLV_FLAG_BOOL, 0, NULL, NULL                                                      \
    }

/* Appends {"filters": [...]}. SLV_E_INVAL names the flag. */
SLV_NODISCARD slv_code slv_tail_put_filters(const slv_args *args, slv_buf *out, slv_err *err);
/* True for pretty, by --format and the terminal. SLV_E_INVAL. */
SLV_NODISCARD slv_code slv_tail_format(const slv_args *args, bool *ret_pretty, slv_err *err);

/* One event, printed on standard output. */
void slv_tail_print(slv_str json, bool pretty);

/* Connects to the URL that the server gave, prints events until the session ends or a signal
 * comes. connected may be NULL. */
SLV_NODISCARD slv_code slv_tail_follow(slv_str url, bool pretty, void (*connected)(void *arg),
                                       void *arg, slv_err *err);

#endif
