#include "edge/dynamo.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "fmt/json.h"
#include "fmt/sum.h"
#include "state/kinds.h"

#define STORE_ID "tables"
#define COUNTS_MAX 64 /* more than there are operations */
#define TABLES_TEXT 256

typedef struct log_entry {
    slv_str operation; /* a literal */
    int status;
    char tables[TABLES_TEXT]; /* their names, each followed by a comma, as far as they fit */
} log_entry;

typedef struct log_count {
    slv_str operation;
    uint64_t count;
} log_count;

struct slv_dynamo_face {
    slv_state *state;
    slv_str tenant;
    slv_store *store;
    bool remote;
    pthread_mutex_t mutex; /* of what follows */
    log_entry *entries;    /* a ring */
    uint64_t total;
    log_count counts[COUNTS_MAX];
    size_t count_kinds;
    SLV_MAP(slv_dynamo_face *) others; /* by tenant */
};

slv_dynamo_face *slv_dynamo_face_new(const slv_dynamo_face_options *options)
{
    slv_dynamo_face *face = slv_new0(slv_dynamo_face);
    slv_str tenant = options->tenant.len > 0 ? options->tenant : SLV_STR("local");

    face->state = options->state;
    face->remote = options->remote;
    face->tenant = slv_str_make(slv_strndup(tenant.ptr, tenant.len), tenant.len);
    face->store = slv_state_store(face->state, &slv_dynamo_store, face->tenant, SLV_STR(STORE_ID));
    SLV_ASSERT(pthread_mutex_init(&face->mutex, NULL) == 0);
    return face;
}

slv_dynamo_face *slv_dynamo_face_free(slv_dynamo_face *face)
{
    if (face) {
        SLV_MAP_EACH (&face->others, i)
            (void)slv_dynamo_face_free(face->others.values[i]);
        slv_map_done(&face->others);
        (void)slv_store_unref(face->store);
        pthread_mutex_destroy(&face->mutex);
        free(face->entries);
        free((void *)(size_t)face->tenant.ptr);
        free(face);
    }
    return NULL;
}

slv_dynamo_face *slv_dynamo_face_of(slv_dynamo_face *face, slv_str tenant)
{
    slv_dynamo_face **known, *other;

    if (slv_str_eq(tenant, face->tenant))
        return face;
    SLV_ASSERT(pthread_mutex_lock(&face->mutex) == 0);
    known = slv_map_get(&face->others, tenant);
    if (known) {
        other = *known;
    } else {
        const slv_dynamo_face_options options = {
            .state = face->state, .tenant = tenant, .remote = face->remote};

        other = slv_dynamo_face_new(&options);
        slv_map_set(&face->others, tenant, other);
    }
    SLV_ASSERT(pthread_mutex_unlock(&face->mutex) == 0);
    return other;
}

slv_state *slv_dynamo_face_state(const slv_dynamo_face *face)
{
    return face->state;
}

slv_str slv_dynamo_face_tenant(const slv_dynamo_face *face)
{
    return face->tenant;
}

bool slv_dynamo_face_is_remote(const slv_dynamo_face *face)
{
    return face->remote;
}

/* ---- the log ---- */

static void add_table(void *arg, slv_str name)
{
    log_entry *e = arg;
    size_t used = strlen(e->tables);

    if (name.len == 0 || used + name.len + 2 > sizeof e->tables)
        return;
    memcpy(e->tables + used, name.ptr, name.len);
    e->tables[used + name.len] = ',';
    e->tables[used + name.len + 1] = '\0';
}

static void count(slv_dynamo_face *face, slv_str operation)
{
    for (size_t i = 0; i < face->count_kinds; i++) {
        if (slv_str_eq(face->counts[i].operation, operation)) {
            face->counts[i].count++;
            return;
        }
    }
    if (face->count_kinds < COUNTS_MAX)
        face->counts[face->count_kinds++] = (log_count){operation, 1};
}

static void note(slv_dynamo_face *face, const slv_dynamo_request *r)
{
    slv_str body;

    SLV_ASSERT(pthread_mutex_lock(&face->mutex) == 0);
    if (!face->entries)
        face->entries = slv_alloc0(SLV_DYNAMO_LOG_MAX * sizeof *face->entries);
    log_entry *e = &face->entries[face->total++ % SLV_DYNAMO_LOG_MAX];
    e->operation = slv_dynamo_request_operation(r);
    e->tables[0] = '\0';
    slv_dynamo_request_answer(r, &e->status, &body);
    slv_dynamo_request_tables(r, add_table, e);
    count(face, e->operation);
    SLV_ASSERT(pthread_mutex_unlock(&face->mutex) == 0);
}

static slv_code put_entry(const log_entry *e, bool first, slv_buf *out)
{
    slv_str rest = slv_str_from(e->tables), name;
    bool any = false;

    SLV_TRY(slv_buf_printf(out, "%s{\"operation\":\"%.*s\",\"tables\":[", first ? "" : ",",
                           SLV_STR_ARGS(e->operation)));
    while (rest.len > 0 && slv_str_split(&rest, ',', &name)) {
        if (any)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_json_put_string(out, name));
        any = true;
    }
    return slv_buf_printf(out, "],\"status\":%d}", e->status);
}

static slv_code put_log(const slv_dynamo_face *face, slv_buf *out)
{
    uint64_t from = face->total > SLV_DYNAMO_LOG_MAX ? face->total - SLV_DYNAMO_LOG_MAX : 0;

    SLV_TRY(slv_buf_printf(out, "{\"total\":%llu,\"counts\":{", (unsigned long long)face->total));
    for (size_t i = 0; i < face->count_kinds; i++)
        SLV_TRY(slv_buf_printf(out, "%s\"%.*s\":%llu", i > 0 ? "," : "",
                               SLV_STR_ARGS(face->counts[i].operation),
                               (unsigned long long)face->counts[i].count));
    SLV_TRY(slv_buf_append(out, SLV_STR("},\"requests\":[")));
    for (uint64_t i = from; i < face->total; i++)
        SLV_TRY(put_entry(&face->entries[i % SLV_DYNAMO_LOG_MAX], i == from, out));
    return slv_buf_append(out, SLV_STR("]}"));
}

slv_code slv_dynamo_face_log(slv_dynamo_face *face, slv_buf *out)
{
    SLV_ASSERT(pthread_mutex_lock(&face->mutex) == 0);
    slv_code code = put_log(face, out);
    SLV_ASSERT(pthread_mutex_unlock(&face->mutex) == 0);
    return code;
}

void slv_dynamo_face_clear_log(slv_dynamo_face *face)
{
    SLV_ASSERT(pthread_mutex_lock(&face->mutex) == 0);
    face->total = 0;
    face->count_kinds = 0;
    SLV_ASSERT(pthread_mutex_unlock(&face->mutex) == 0);
}

/* ---- asking ---- */

static slv_code run_call(slv_call *call, void *service, slv_err *err)
{
    slv_dynamo_ask *ask = slv_container_of(call, slv_dynamo_ask, call);

    return slv_dynamo_run(service, ask->request, err);
}

static void call_done(slv_call *call)
{
    slv_dynamo_ask *ask = slv_container_of(call, slv_dynamo_ask, call);

    if (call->code != SLV_OK)
        slv_dynamo_request_fail(ask->request, call->code);
    note(ask->face, ask->request);
    ask->done(ask);
}

/* Reads that are small run here where the file is open on this loop. */
static bool answer_now(slv_dynamo_ask *ask, slv_loop *loop)
{
    slv_dynamo *reader;
    slv_err err = {0};

    if (slv_dynamo_request_done(ask->request))
        return true;
    if (!slv_dynamo_request_small(ask->request))
        return false;
    reader = slv_store_reader(ask->face->store, loop);
    /* Whatever fails here is tried again, and told, by a thread. */
    return reader && slv_dynamo_run_small(reader, ask->request, &err) == SLV_OK;
}

bool slv_dynamo_ask_request(slv_dynamo_ask *ask, slv_dynamo_face *face, slv_loop *loop,
                            slv_dynamo_request *request)
{
    ask->face = face;
    ask->request = request;
    if (answer_now(ask, loop)) {
        note(face, ask->request);
        return true;
    }
    ask->call = (slv_call){
        .kind = slv_dynamo_request_writes(ask->request) ? SLV_CALL_WRITE : SLV_CALL_READ,
        .create = slv_dynamo_request_creates(ask->request),
        .run = run_call,
        .done = call_done,
    };
    slv_store_call(face->store, loop, &ask->call);
    return false;
}

bool slv_dynamo_ask_start(slv_dynamo_ask *ask, slv_dynamo_face *face, slv_loop *loop,
                          slv_str operation, slv_str json, slv_str region)
{
    const slv_dynamo_origin origin = {.region = region, .now_ms = slv_loop_wall_ms(loop)};

    return slv_dynamo_ask_request(ask, face, loop,
                                  slv_dynamo_request_new(operation, json, &origin));
}

void slv_dynamo_ask_end(slv_dynamo_ask *ask)
{
    ask->request = slv_dynamo_request_free(ask->request);
}

/* ---- the protocol's small things ---- */

bool slv_dynamo_host_region(slv_str host, slv_str *ret_region)
{
    static const slv_str prefixes[] = {{"dynamodb.", 9}, {"dynamodb-fips.", 14}};
    static const slv_str suffixes[] = {
        {".amazonaws.com", 14}, {".amazonaws.com.cn", 17}, {".api.aws", 8}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(prefixes); i++) {
        for (size_t k = 0; k < SLV_ARRAY_LEN(suffixes); k++) {
            size_t around = prefixes[i].len + suffixes[k].len;

            if (host.len <= around || !slv_str_starts(host, prefixes[i]) ||
                !slv_str_ends(host, suffixes[k]))
                continue;
            *ret_region = slv_str_sub(host, prefixes[i].len, host.len - suffixes[k].len);
            return slv_str_chr(*ret_region, '.', 0) == SIZE_MAX;
        }
    }
    return false;
}

uint32_t slv_dynamo_crc32(slv_str body)
{
    uint8_t sum[SLV_SUM_MAX];

    slv_sum_of(SLV_SUM_CRC32, body, sum);
    return (uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3];
}

void slv_dynamo_request_id(char out[static 52])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    uint8_t random[52];

    slv_rand_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        out[i] = letters[random[i] % (sizeof letters - 1)];
}

bool slv_dynamo_target_operation(slv_str target, slv_str *ret)
{
    static const slv_str api = {"DynamoDB_20120810.", 18}, old = {"DynamoDB_20111205.", 18};

    if (!slv_str_starts(target, api) && !slv_str_starts(target, old))
        return false;
    *ret = slv_str_skip(target, api.len);
    return slv_str_chr(*ret, '.', 0) == SIZE_MAX;
}
