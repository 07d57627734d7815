/*
 * A D1 database over kill -9, a failing disk, a full disk and power cuts; and its archived log: a
 * restore to the bookmark of a change that was acknowledged gives the database as it was then, and
 * the bookmark from before undoes that.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/rand.h"
#include "d1/d1.h"
#include "state/kinds.h"
#include "support/crash.h"
#include "support/tap.h"

#define SLOTS 10u
#define REMEMBERED 4096u /* bookmarks of an actor; later ones are not looked at */

/* What a change saw when it was made. In memory that a writer which is killed shares with us. */
typedef struct moment {
    char bookmark[SLV_D1_BOOKMARK_LEN + 1];
    uint64_t last[CRASH_ACTORS];
} moment;
typedef struct memory {
    moment of[CRASH_ACTORS][REMEMBERED];
} memory;
static memory *moments;

static memory *remember(void)
{
    void *at = mmap(NULL, sizeof *moments, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

/* ---- reading ---- */

static slv_code pass_columns(void *arg, sqlite3_stmt *st, slv_err *err)
{
    (void)arg;
    (void)st;
    (void)err;
    return SLV_OK;
}

static slv_code take_last(void *arg, sqlite3_stmt *st, slv_err *err)
{
    uint64_t *last = arg;
    int64_t actor = slv_stmt_int(st, 0);

    if (actor < 0 || actor >= (int64_t)CRASH_ACTORS)
        return slv_fail(err, SLV_E_STATE, "there is an actor %" PRId64, actor);
    last[actor] = (uint64_t)slv_stmt_int(st, 1);
    return SLV_OK;
}

static slv_code end_result(void *arg, const slv_d1_meta *meta, slv_err *err)
{
    (void)arg;
    (void)meta;
    (void)err;
    return SLV_OK;
}

static const slv_d1_sink last_sink = {pass_columns, take_last, end_result};

static slv_code run(slv_d1 *d1, const slv_d1_statement *statements, size_t count, uint64_t *last,
                    slv_err *err)
{
    slv_d1_batch batch = {
        .statements = statements, .count = count, .sink = &last_sink, .sink_arg = last};

    return slv_d1_run(d1, &batch, err);
}

/* The last change of each actor that is in the database; all 0 while it has no table. */
static slv_code read_lasts(slv_d1 *d1, uint64_t last[static CRASH_ACTORS], slv_err *err)
{
    sqlite3_stmt *st;

    memset(last, 0, CRASH_ACTORS * sizeof last[0]);
    SLV_TRY(
        slv_db_stmt(slv_d1_db(d1), "SELECT 1 FROM sqlite_schema WHERE name = 'last'", &st, err));
    slv_code code = slv_stmt_step(slv_d1_db(d1), st, err);
    slv_stmt_done(st);
    if (code != SLV_OK)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    const slv_d1_statement ask = {.sql = SLV_STR("SELECT actor, n FROM last")};
    return run(d1, &ask, 1, last, err);
}

/* ---- changes ---- */

static slv_d1_value number(uint64_t n)
{
    return (slv_d1_value){.kind = SLV_D1_NUMBER, .number = (double)n};
}

/* Change n of an actor: slot n mod SLOTS is written, the next one deleted, and "last" says n. The
 * same batch reads where everybody stands. */
static slv_code apply(void *service, unsigned actor, uint64_t n, slv_err *err)
{
    uint64_t last[CRASH_ACTORS] = {0};
    const slv_d1_value who_slot_n[] = {number(actor), number(n % SLOTS), number(n),
                                       number(n * 7919 % 3000 + 1)};
    const slv_d1_value who_next[] = {number(actor), number((n + 1) % SLOTS)};
    const slv_d1_value who_n[] = {number(actor), number(n)};
    const slv_d1_statement batch[] = {
        {.sql = SLV_STR("CREATE TABLE IF NOT EXISTS slots(actor INTEGER, slot INTEGER, n INTEGER,"
                        " body TEXT, PRIMARY KEY(actor, slot))")},
        {.sql = SLV_STR("CREATE TABLE IF NOT EXISTS last(actor INTEGER PRIMARY KEY, n INTEGER)")},
        {SLV_STR("INSERT OR REPLACE INTO slots VALUES(?1, ?2, ?3, printf('%.*c', ?4, 'x'))"),
         who_slot_n, SLV_ARRAY_LEN(who_slot_n)},
        {SLV_STR("DELETE FROM slots WHERE actor = ?1 AND slot = ?2"), who_next,
         SLV_ARRAY_LEN(who_next)},
        {SLV_STR("INSERT OR REPLACE INTO last VALUES(?1, ?2)"), who_n, SLV_ARRAY_LEN(who_n)},
        {.sql = SLV_STR("SELECT actor, n FROM last")},
    };

    SLV_TRY(run(service, batch, SLV_ARRAY_LEN(batch), last, err));
    if (n < REMEMBERED) {
        moment *m = &moments->of[actor][n];

        memcpy(m->last, last, sizeof last);
        slv_d1_bookmark(service, m->bookmark);
    }
    return SLV_OK;
}

/* ---- what must hold ---- */

static uint64_t promised[CRASH_ACTORS]; /* of the state that is looked at */

static slv_code verify_actor(slv_d1 *d1, unsigned actor, uint64_t last, slv_err *err)
{
    sqlite3_stmt *st;
    slv_code code;
    unsigned rows = 0, wanted = 0;

    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        uint64_t back = (last + SLOTS - slot) % SLOTS;

        wanted += back < last && back != SLOTS - 1;
    }
    if (last == 0)
        return SLV_OK;
    SLV_TRY(slv_db_stmt(slv_d1_db(d1), "SELECT slot, n, length(body) FROM slots WHERE actor = ?1",
                        &st, err));
    slv_stmt_bind_int(st, 1, actor);
    while ((code = slv_stmt_step(slv_d1_db(d1), st, err)) == SLV_OK) {
        uint64_t slot = (uint64_t)slv_stmt_int(st, 0), n = (uint64_t)slv_stmt_int(st, 1);
        uint64_t back = (last + SLOTS - slot) % SLOTS;

        rows++;
        if (back >= last || back == SLOTS - 1 || n != last - back ||
            (uint64_t)slv_stmt_int(st, 2) != n * 7919 % 3000 + 1) {
            slv_stmt_done(st);
            return slv_fail(err, SLV_E_STATE,
                            "actor %u at %" PRIu64 ": slot %" PRIu64 " is of change %" PRIu64,
                            actor, last, slot, n);
        }
    }
    slv_stmt_done(st);
    if (code != SLV_E_NOTFOUND)
        return code;
    return rows == wanted
               ? SLV_OK
               : slv_fail(err, SLV_E_STATE, "actor %u at %" PRIu64 " has %u slots, not %u", actor,
                          last, rows, wanted);
}

static slv_code verify(void *service, unsigned actor, uint64_t acked, uint64_t asked, slv_err *err)
{
    uint64_t last[CRASH_ACTORS];

    SLV_TRY(read_lasts(service, last, err));
    promised[actor] = acked;
    if (last[actor] < acked || last[actor] > asked)
        return slv_fail(err, SLV_E_STATE,
                        "actor %u is at %" PRIu64 "; %" PRIu64 " was acknowledged, %" PRIu64
                        " asked for",
                        actor, last[actor], acked, asked);
    return verify_actor(service, actor, last[actor], err);
}

static slv_code expect(slv_d1 *d1, const uint64_t want[static CRASH_ACTORS], const char *when,
                       slv_err *err)
{
    uint64_t last[CRASH_ACTORS];

    SLV_TRY(read_lasts(d1, last, err));
    for (unsigned i = 0; i < CRASH_ACTORS; i++) {
        if (last[i] != want[i])
            return slv_fail(err, SLV_E_STATE, "%s: actor %u is at %" PRIu64 ", not %" PRIu64, when,
                            i, last[i], want[i]);
        SLV_TRY(verify_actor(d1, i, last[i], err));
    }
    return SLV_OK;
}

/* There and back again. */
static slv_code travel(slv_d1 *d1, const moment *m, slv_err *err)
{
    uint64_t before[CRASH_ACTORS];
    char here[SLV_D1_BOOKMARK_LEN + 1];

    SLV_TRY(read_lasts(d1, before, err));
    slv_d1_bookmark(d1, here);
    slv_code code = slv_d1_restore(d1, slv_str_from(m->bookmark), err);
    if (code != SLV_OK)
        return slv_fail(err, SLV_E_STATE, "back to %.17s from %.17s: %.*s", m->bookmark, here,
                        SLV_STR_ARGS(slv_d1_message(d1)));
    SLV_TRY(expect(d1, m->last, "restored", err));
    code = slv_d1_restore(d1, slv_str_from(here), err);
    if (code != SLV_OK)
        return slv_fail(err, SLV_E_STATE, "and back to %.17s: %.*s", here,
                        SLV_STR_ARGS(slv_d1_message(d1)));
    return expect(d1, before, "undone", err);
}

static slv_code check(void *service, slv_err *err)
{
    static uint64_t turn;

    /* One actor at a time: the first, the middle and the last change that it was promised. */
    for (unsigned i = 0; i < CRASH_ACTORS; i++) {
        unsigned actor = (unsigned)(turn++ % CRASH_ACTORS);
        uint64_t top = SLV_MIN(promised[actor], (uint64_t)REMEMBERED - 1);

        if (top == 0)
            continue;
        SLV_TRY(travel(service, &moments->of[actor][top], err));
        return travel(service, &moments->of[actor][1 + (turn * 7919) % top], err);
    }
    return SLV_OK;
}

static const crash_service d1 = {
    .type = &slv_d1_store, .kind = SLV_CALL_SOLO, .apply = apply, .verify = verify, .check = check};

/* The memory is there before the first writer is forked. */
static bool ready(void)
{
    moments = moments ? moments : remember();
    if (!moments)
        tap_failed(__FILE__, __LINE__, "no memory for bookmarks");
    return moments != NULL;
}

#define D1_TEST(what)                                                                              \
    TEST(crash_d1_##what)                                                                          \
    {                                                                                              \
        if (ready())                                                                               \
            crash_##what(&d1, "d1");                                                               \
    }

D1_TEST(kill)
D1_TEST(fault)
D1_TEST(full)
D1_TEST(power)
TAP_MAIN()
