/* Time Travel by HTTP: bookmarks of moments, and the way back. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/d1_int.h"
#include "api/routes.h"
#include "base/mem.h"

typedef struct travel {
    slv_api_call *api;
    slv_d1_call d; /* its texts are in the call's arena */
    slv_store *store;
    slv_buf message;
} travel;

static void travel_free(travel *t)
{
    (void)slv_store_unref(t->store);
    slv_buf_done(&t->message);
    free(t);
}

/* Seconds since the epoch, or RFC 3339. */
static bool read_time(slv_str text, int64_t *ret_ms)
{
    struct tm tm = {0};
    int used = 0, year, month, hours = 0, minutes = 0;
    char copy[64];
    double seconds;
    uint64_t unix_seconds;

    if (slv_parse_u64(text, &unix_seconds) == SLV_OK) {
        *ret_ms = (int64_t)SLV_MIN(unix_seconds, (uint64_t)INT64_MAX / 1000) * 1000;
        return true;
    }
    snprintf(copy, sizeof copy, "%.*s", SLV_STR_ARGS(slv_str_sub(text, 0, 63)));
    /* NOLINTNEXTLINE(cert-err34-c): widths bound the numbers, and their count is looked at */
    if (sscanf(copy, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%lf%n", &year, &month, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &seconds, &used) != 6 ||
        used == 0 || !(seconds >= 0 && seconds < 62))
        return false;
    const char *zone = copy + used;
    if (strcmp(zone, "Z") != 0 && strcmp(zone, "z") != 0 &&
        /* NOLINTNEXTLINE(cert-err34-c): likewise */
        (sscanf(zone + 1, "%2d:%2d", &hours, &minutes) != 2 || (*zone != '+' && *zone != '-')))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    int64_t offset = (hours * 60 + minutes) * (*zone == '-' ? -60 : 60);
    *ret_ms = ((int64_t)timegm(&tm) - offset) * 1000 + (int64_t)(seconds * 1000);
    return true;
}

static void on_done(slv_call *call)
{
    travel *t = slv_container_of(call, travel, d.call);
    const slv_d1_ask *ask = &t->d.ask;
    char json[400];

    if (call->code != SLV_OK) {
        slv_api_d1_fail(t->api, call->code, &call->err, slv_buf_view(&t->message));
    } else if (ask->restore) {
        snprintf(json, sizeof json,
                 "{\"bookmark\":\"%s\",\"previous_bookmark\":\"%s\",\"message\":\"Database "
                 "restored. To undo this operation, you can restore to the previous bookmark: "
                 "%s\"}",
                 ask->after, ask->before, ask->before);
        slv_api_ok(t->api, slv_str_from(json));
    } else {
        snprintf(json, sizeof json, "{\"bookmark\":\"%s\"}",
                 ask->by_time ? ask->after : ask->before);
        slv_api_ok(t->api, slv_str_from(json));
    }
    travel_free(t);
}

static void found(slv_api_call *call, slv_store *store, slv_str id)
{
    travel *t = slv_new0(travel);
    slv_str timestamp = slv_api_query(call, "timestamp");

    (void)id;
    t->api = call;
    t->store = store;
    t->message = SLV_BUF(4096);
    slv_d1_ask *ask = &t->d.ask;
    *ask = (slv_d1_ask){.kind = SLV_D1_ASK_TRAVEL,
                        .restore = slv_str_ends(call->path, SLV_STR("/restore")),
                        .bookmark = slv_api_query(call, "bookmark"),
                        .message = &t->message};
    if (ask->bookmark.len == 0 && timestamp.len > 0) {
        ask->by_time = true;
        if (!read_time(timestamp, &ask->ms)) {
            slv_api_error(call, 400, SLV_API_D1_FAILED,
                          "Invalid timestamp '%.*s'. Please provide a valid Unix timestamp or "
                          "RFC3339 timestamp",
                          SLV_STR_ARGS(timestamp));
            travel_free(t);
            return;
        }
    }
    if (ask->restore && !ask->by_time && ask->bookmark.len == 0) {
        slv_api_error(call, 400, SLV_API_D1_FAILED, "A bookmark or a timestamp is needed");
        travel_free(t);
        return;
    }
    slv_d1_call_make(&t->d, store, slv_api_loop(call->api), SLV_CALL_SOLO, false, on_done);
}

void slv_api_d1_travel(slv_api_call *call)
{
    slv_api_d1_find(call, found);
}
