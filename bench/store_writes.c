/*
 * Group commit and the memory of many stores, without a network: KV puts of 200 bytes through
 * state/state.h, by so many clients that each wait for their last put, every put synced.
 *
 *     build/bench/store_writes DIR [STORES]     (on the disk that is meant; prints JSON)
 */
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kv/kv.h"
#include "state/kinds.h"
#include "state/state.h"

#define CLIENTS_MAX 256
#define RUN_MS 2000
#define STORES 10000u
#define WAIT_MS 600000

static _Atomic(unsigned long) syncs;

/* In place of the C library's, to count. */
int bench_fdatasync(int fd) __asm__("fdatasync");
int bench_fdatasync(int fd)
{
    atomic_fetch_add(&syncs, 1);
    return (int)syscall(SYS_fdatasync, fd);
}

typedef struct client {
    slv_call call;
    struct bench *b;
    uint64_t began_ns;
    char key[32];
} client;

typedef struct bench {
    slv_loop *loop;
    slv_state *state;
    slv_store *store;
    client clients[CLIENTS_MAX];
    unsigned running;
    uint64_t until_ns;
    unsigned long done;
    uint32_t *us; /* latencies */
    size_t us_len, us_cap;
    slv_code failed;
} bench;

static slv_code put(slv_call *call, void *service, slv_err *err)
{
    static const char value[200];
    client *c = slv_container_of(call, client, call);
    const slv_kv_put_args args = {.key = slv_str_from(c->key),
                                  .value = slv_str_make(value, sizeof value),
                                  .now_ms = slv_clock_wall_ms()};

    return slv_kv_put(service, &args, err);
}

static void next(client *c)
{
    static unsigned long number;

    (void)snprintf(c->key, sizeof c->key, "key-%lu", number++ % 100000);
    c->began_ns = slv_clock_mono_ns();
    slv_store_call(c->b->store, c->b->loop, &c->call);
}

static void on_done(slv_call *call)
{
    client *c = slv_container_of(call, client, call);
    bench *b = c->b;
    uint64_t now = slv_clock_mono_ns();

    if (call->code != SLV_OK)
        b->failed = call->code;
    b->done++;
    if (b->us_len < b->us_cap)
        b->us[b->us_len++] = (uint32_t)((now - c->began_ns) / 1000);
    if (now >= b->until_ns || b->failed)
        b->running--;
    else
        next(c);
}

static bool ended(void *arg)
{
    return ((bench *)arg)->running == 0;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void measure(bench *b, unsigned clients, bool last)
{
    uint64_t began = slv_clock_mono_ns();

    b->store = slv_state_store(b->state, &slv_kv_store, SLV_STR("local"), SLV_STR("writes"));
    b->until_ns = began + (uint64_t)RUN_MS * 1000000;
    b->running = clients;
    b->done = 0;
    b->us_len = 0;
    atomic_store(&syncs, 0);
    for (unsigned i = 0; i < clients; i++) {
        b->clients[i] = (client){
            .call = {.kind = SLV_CALL_WRITE, .create = true, .run = put, .done = on_done}, .b = b};
        next(&b->clients[i]);
    }
    (void)slv_loop_run_until(b->loop, ended, b, WAIT_MS);
    double seconds = (double)(slv_clock_mono_ns() - began) / 1e9;
    qsort(b->us, b->us_len, sizeof b->us[0], by_value);
    printf("  \"%u clients\": {\"writes_per_s\": %.0f, \"syncs_per_write\": %.3f, \"p50_us\": %u, "
           "\"p99_us\": %u}%s\n",
           clients, (double)b->done / seconds, (double)atomic_load(&syncs) / (double)b->done,
           b->us[b->us_len / 2], b->us[b->us_len * 99 / 100], last ? "" : ",");
    b->store = slv_store_unref(b->store);
}

/* ---- memory ---- */

static long private_kib(void)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "re");
    char line[200];
    long n, sum = 0;

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Private_Clean: %ld", &n) == 1 ||
            sscanf(line, "Private_Dirty: %ld", &n) == 1)
            sum += n;
    if (f)
        (void)fclose(f);
    return sum;
}

static slv_code get(slv_call *call, void *service, slv_err *err)
{
    client *c = slv_container_of(call, client, call);
    slv_kv_entry entry;
    slv_code code = slv_kv_get(service, slv_str_from(c->key), slv_clock_wall_ms(), &entry, err);

    if (code == SLV_OK)
        slv_kv_release(service);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* A put and gets in one store after the other: what is left in memory afterwards. */
static void open_many(bench *b, unsigned stores)
{
    long before = private_kib(), most = 0;
    uint64_t began = slv_clock_mono_ns();
    client *c = &b->clients[0];
    char id[32];

    for (unsigned i = 0; i < stores && !b->failed; i++) {
        (void)snprintf(id, sizeof id, "many-%u", i);
        b->store = slv_state_store(b->state, &slv_kv_store, SLV_STR("local"), slv_str_from(id));
        for (int k = 0; k < 3; k++) {
            *c = (client){.call = {.kind = k == 0 ? SLV_CALL_WRITE : SLV_CALL_READ,
                                   .create = true,
                                   .run = k == 0 ? put : get,
                                   .done = on_done},
                          .b = b};
            b->until_ns = 0;
            b->running = 1;
            (void)slv_store_reader(b->store, b->loop);
            next(c);
            (void)slv_loop_run_until(b->loop, ended, b, WAIT_MS);
        }
        b->store = slv_store_unref(b->store);
        if (i % 500 == 0)
            most = SLV_MAX(most, private_kib());
    }
    printf("  \"%u stores opened in turn\": {\"private_kib_before\": %ld, \"most\": %ld, "
           "\"after\": %ld, \"seconds\": %.1f}\n",
           stores, before, most, private_kib(), (double)(slv_clock_mono_ns() - began) / 1e9);
}

int main(int argc, char **argv)
{
    bench *b = slv_new0(bench);
    slv_err err = {0};

    if (argc < 2) {
        (void)fputs("usage: store_writes DIR [STORES]\n", stderr);
        return 2;
    }
    b->us_cap = (size_t)1 << 20;
    b->us = slv_alloc(b->us_cap * sizeof b->us[0]);
    if (slv_loop_new(&b->loop, &err) != SLV_OK) {
        (void)fprintf(stderr, "%s\n", slv_err_text(&err));
        return 1;
    }
    const slv_state_options options = {.control = b->loop};
    if (slv_state_open(argv[1], &options, &b->state, &err) != SLV_OK) {
        (void)fprintf(stderr, "%s\n", slv_err_text(&err));
        return 1;
    }
    printf("{\n");
    measure(b, 1, false);
    measure(b, 64, false);
    measure(b, 256, false);
    free(b->us);
    b->us = NULL;
    b->us_cap = 0;
    malloc_trim(0);
    (void)fflush(stdout);
    open_many(b, argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : STORES);
    printf("}\n");
    slv_code failed = b->failed;
    slv_state_forget_loop(b->state, b->loop);
    slv_state_free(b->state);
    slv_loop_free(b->loop);
    free(b);
    return failed ? 1 : 0;
}
