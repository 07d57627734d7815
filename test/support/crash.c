#include "support/crash.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/disk.h"

#define WAIT_MS 120000
/* A checkpoint after so few pages: it has its moments too. */
#define WAL_PAGES 24u
#define KILL_ROUNDS 6
#define FAULT_CHANGES 4u
#define FAULT_POINTS 10u
#define POWER_CHANGES 12u
#define POWER_STATES 300u
#define TRIES_MAX 2000

/* ---- a run of changes ---- */

typedef struct actor {
    slv_call call;
    struct driver *d;
    unsigned number;
    uint64_t acked, asked, goal;
} actor;

typedef struct driver {
    const crash_service *s;
    slv_loop *loop;
    slv_state *state;
    slv_store *store;
    actor actors[CRASH_ACTORS];
    unsigned running;
    unsigned failures;
    unsigned heal_after; /* this many failures; 0: never */
    slv_code wrong;      /* a failure that a failing disk does not explain */
    int report;          /* pipe for acknowledgements, or -1 */
} driver;

/* In the log: who, what number, and whether it was acknowledged or only asked for. */
static uint64_t mark_of(const actor *a, bool acked)
{
    return (uint64_t)a->number << 48 | (uint64_t)acked << 47 | (acked ? a->acked : a->asked);
}

static slv_code run_change(slv_call *call, void *service, slv_err *err)
{
    actor *a = slv_container_of(call, actor, call);

    return a->d->s->apply(service, a->number, a->asked, err);
}

static void next_change(actor *a)
{
    driver *d = a->d;

    if (a->acked >= a->goal || d->failures > TRIES_MAX || d->wrong) {
        d->running--;
        return;
    }
    a->asked = a->acked + 1;
    disk_note(mark_of(a, false));
    slv_store_call(d->store, d->loop, &a->call);
}

static void on_done(slv_call *call)
{
    actor *a = slv_container_of(call, actor, call);
    driver *d = a->d;

    if (call->code == SLV_OK) {
        a->acked = a->asked;
        disk_note(mark_of(a, true));
        if (d->report >= 0) {
            const uint64_t line = mark_of(a, true);

            if (write(d->report, &line, sizeof line) != sizeof line)
                _exit(1);
        }
    } else {
        d->failures++;
        if (call->code != SLV_E_IO) {
            d->wrong = call->code;
            tap_note("%s: %s", slv_code_name(call->code), slv_err_text(&call->err));
        }
        if (d->failures == d->heal_after)
            disk_heal();
    }
    next_change(a);
}

static bool none_runs(void *arg)
{
    return ((driver *)arg)->running == 0;
}

static void driver_init(driver *d, const crash_service *s)
{
    *d = (driver){.s = s, .report = -1};
    for (unsigned i = 0; i < CRASH_ACTORS; i++) {
        actor *a = &d->actors[i];

        a->d = d;
        a->number = i;
        a->call = (slv_call){.kind = s->kind, .create = true, .run = run_change, .done = on_done};
    }
}

/* Opens the state in dir and makes changes until every actor has `more` more. False: it could not
 * be opened. */
static bool drive(driver *d, const char *dir, uint64_t more)
{
    slv_err err = {0};
    bool ended = false;

    if (slv_loop_new(&d->loop, &err) != SLV_OK)
        return false;
    const slv_state_options options = {.control = d->loop, .threads = 2, .user_threads = 2};
    if (slv_state_open(dir, &options, &d->state, &err) == SLV_OK) {
        d->store = slv_state_store(d->state, d->s->type, SLV_STR("local"), SLV_STR("s"));
        d->running = CRASH_ACTORS;
        for (unsigned i = 0; i < CRASH_ACTORS; i++) {
            d->actors[i].goal += more;
            next_change(&d->actors[i]);
        }
        ended = slv_loop_run_until(d->loop, none_runs, d, WAIT_MS);
        d->store = slv_store_unref(d->store);
        slv_state_forget_loop(d->state, d->loop);
    }
    d->state = slv_state_free(d->state);
    d->loop = slv_loop_free(d->loop);
    return ended;
}

/* ---- looking at what is there ---- */

static slv_code integrity(slv_db *db, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(db, "PRAGMA integrity_check", &st, err));
    slv_code code = slv_stmt_step(db, st, err);
    if (code == SLV_OK && !slv_str_is(slv_stmt_str(st, 0), "ok"))
        code = slv_fail(err, SLV_E_IO, "integrity_check: %.*s", SLV_STR_ARGS(slv_stmt_str(st, 0)));
    slv_stmt_done(st);
    return code;
}

static slv_code look(const crash_service *s, const char *dir, const uint64_t *acked,
                     const uint64_t *asked, slv_err *err)
{
    char path[1024];
    void *service = NULL;
    bool any = false;

    (void)snprintf(path, sizeof path, "%s/v1/local/%s/s", dir, s->type->kind);
    for (unsigned i = 0; i < CRASH_ACTORS; i++)
        any |= acked[i] > 0;
    slv_code code = s->type->open(path, false, false, &service, err);
    if (code != SLV_OK)
        return any || (code != SLV_E_NOTFOUND && access(path, F_OK) == 0) ? code : SLV_OK;
    code = integrity(s->type->db(service), err);
    for (unsigned i = 0; code == SLV_OK && i < CRASH_ACTORS; i++)
        code = s->verify(service, i, acked[i], asked[i], err);
    if (code == SLV_OK && s->check)
        code = s->check(service, err);
    s->type->close(service);
    return code;
}

static slv_code look_at(const driver *d, const char *dir, slv_err *err)
{
    uint64_t acked[CRASH_ACTORS], asked[CRASH_ACTORS];

    for (unsigned i = 0; i < CRASH_ACTORS; i++) {
        acked[i] = d->actors[i].acked;
        asked[i] = d->actors[i].asked;
    }
    return look(d->s, dir, acked, asked, err);
}

/* ---- folders ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_all(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool fresh_dir(char path[512], const char *name, const char *what)
{
    (void)snprintf(path, 512, "%s/%s-%s", tap_tmpdir(), name, what);
    remove_all(path);
    return mkdir(path, 0700) == 0;
}

/* ---- kill -9 ---- */

static void child(driver *d, const char *dir, int report)
{
    d->report = report;
    (void)drive(d, dir, UINT64_MAX / 4);
    _exit(0);
}

/* Reads acknowledgements until so many have come; then kills, and reads those on their way. */
static bool kill_after(driver *d, pid_t pid, int from, uint64_t count)
{
    uint64_t line;
    bool ok = true;

    for (uint64_t n = 0; read(from, &line, sizeof line) == (ssize_t)sizeof line; n++) {
        actor *a = &d->actors[line >> 48];
        uint64_t number = line & ((UINT64_C(1) << 47) - 1);

        ok &= number == a->acked + 1;
        a->acked = number;
        a->asked = number + 1;
        if (n == count)
            (void)kill(pid, SIGKILL);
    }
    return ok;
}

void crash_kill(const crash_service *s, const char *name)
{
    driver *d = slv_new0(driver);
    char dir[512];
    slv_prng prng;
    uint64_t total = 0;

    slv_prng_seed(&prng, tap_seed());
    slv_db_set_wal_pages(WAL_PAGES * 4);
    driver_init(d, s);
    if (!fresh_dir(dir, name, "kill"))
        tap_failed(__FILE__, __LINE__, "%s: %s", dir, strerror(errno));
    for (int round = 0; round < KILL_ROUNDS; round++) {
        slv_err err = {0};
        int ends[2], status = 0;

        for (unsigned i = 0; i < CRASH_ACTORS; i++) {
            d->actors[i].goal = d->actors[i].acked;
            d->actors[i].asked = d->actors[i].acked + 1;
        }
        if (pipe(ends) != 0)
            break;
        (void)fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            close(ends[0]);
            child(d, dir, ends[1]);
        }
        close(ends[1]);
        bool in_order = kill_after(d, pid, ends[0], 20 + slv_prng_below(&prng, 400));
        close(ends[0]);
        (void)waitpid(pid, &status, 0);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL || !in_order) {
            tap_failed(__FILE__, __LINE__, "the writer ended by itself (status %d)", status);
            break;
        }
        if (look_at(d, dir, &err) != SLV_OK) {
            tap_failed(__FILE__, __LINE__, "round %d: %s", round, slv_err_text(&err));
            break;
        }
    }
    for (unsigned i = 0; i < CRASH_ACTORS; i++)
        total += d->actors[i].acked;
    tap_note("%d kills, %llu acknowledged", KILL_ROUNDS, (unsigned long long)total);
    free(d);
}

/* ---- power cuts ---- */

typedef struct claims {
    uint64_t acked[CRASH_ACTORS], asked[CRASH_ACTORS];
} claims;

static void claim(void *arg, uint64_t mark)
{
    claims *c = arg;
    size_t i = (size_t)(mark >> 48);
    uint64_t n = mark & ((UINT64_C(1) << 47) - 1);

    if (mark >> 47 & 1)
        c->acked[i] = n;
    else
        c->asked[i] = n;
}

/* One crash state after the first n entries: SLV_OK when all that was promised is there. */
static slv_code cut_at(const crash_service *s, const char *name, size_t n, slv_prng *prng,
                       slv_err *err)
{
    claims c = {0};
    char dir[512];

    (void)snprintf(dir, sizeof dir, "%s/%s-cut", tap_tmpdir(), name);
    remove_all(dir);
    disk_marks(n, claim, &c);
    if (!disk_crash(n, prng, dir))
        return slv_fail(err, SLV_E_STATE, "%s cannot be laid out", dir);
    return look(s, dir, c.acked, c.asked, err);
}

static unsigned states_wanted(unsigned usual)
{
    const char *text = getenv("SLV_CRASH_STATES"); /* nightly runs take more */

    return text ? (unsigned)strtoul(text, NULL, 10) : usual;
}

/* Cuts spread over the whole log; answers how many lost something, and says of the first what. */
static unsigned cut_many(const crash_service *s, const char *name, unsigned count, slv_prng *prng,
                         slv_err *err)
{
    size_t len = disk_log_len(), done = 0;
    unsigned bad = 0;

    disk_rewind();
    for (unsigned i = 0; i < count && len > 0; i++) {
        size_t n = SLV_MAX(done, (size_t)(((double)i + 1) * (double)len / (double)count));
        slv_err why = {0};

        n = SLV_MIN(n, len);
        done = n;
        if (cut_at(s, name, n, prng, &why) == SLV_OK)
            continue;
        if (bad++ == 0)
            (void)slv_fail(err, SLV_E_IO, "power cut after entry %zu of %zu: %s", n, len,
                           slv_err_text(&why));
    }
    if (bad > 0 && getenv("SLV_DISK_DUMP"))
        disk_dump();
    return bad;
}

void crash_power(const crash_service *s, const char *name)
{
    driver *d = slv_new0(driver);
    slv_prng prng;
    slv_err err = {0};
    char dir[512];
    unsigned states = states_wanted(POWER_STATES);

    slv_prng_seed(&prng, tap_seed());
    slv_db_set_wal_pages(WAL_PAGES);
    driver_init(d, s);
    if (!fresh_dir(dir, name, "power"))
        tap_failed(__FILE__, __LINE__, "%s: %s", dir, strerror(errno));
    disk_watch(dir);
    /* Closed and opened in the middle: that has its moments too. */
    bool ok = drive(d, dir, POWER_CHANGES / 2) && drive(d, dir, POWER_CHANGES / 2);
    disk_stop();
    if (!ok || d->failures > 0)
        tap_failed(__FILE__, __LINE__, "the run itself failed (%u failures)", d->failures);
    else if (look_at(d, dir, &err) != SLV_OK)
        tap_failed(__FILE__, __LINE__, "without any cut: %s", slv_err_text(&err));
    else if (cut_many(s, name, states, &prng, &err) > 0)
        tap_failed(__FILE__, __LINE__, "%s", slv_err_text(&err));
    else
        tap_note("%u power cuts over %zu entries", states, disk_log_len());
    free(d);
}

void crash_control(const crash_service *s, const char *name)
{
    driver *d = slv_new0(driver);
    slv_prng prng;
    slv_err err = {0};
    char dir[512];

    slv_prng_seed(&prng, tap_seed());
    slv_db_set_wal_pages(WAL_PAGES);
    driver_init(d, s);
    bool ok = fresh_dir(dir, name, "control");
    disk_watch(dir);
    disk_lie();
    ok = ok && drive(d, dir, POWER_CHANGES);
    disk_stop();
    unsigned bad = ok ? cut_many(s, name, 40, &prng, &err) : 0;
    if (bad == 0)
        tap_failed(__FILE__, __LINE__, "without syncs nothing was lost in 40 power cuts");
    else
        tap_note("without syncs %u of 40 power cuts lost something", bad);
    free(d);
}

/* ---- failing calls ---- */

/* A run with one fault in it. */
static bool fault_run(const crash_service *s, const char *name, disk_op op, unsigned long nth,
                      int error, bool stay, slv_prng *prng)
{
    driver *d = slv_new0(driver);
    slv_err err = {0};
    char dir[512];
    bool ok = fresh_dir(dir, name, "fault"), opened = false;

    driver_init(d, s);
    d->heal_after = stay ? 3 * CRASH_ACTORS : 0;
    disk_watch(dir);
    disk_fail(op, nth, error, stay);
    /* What fails before the first call fails the opening. */
    for (int i = 0; ok && !opened && i < 5; i++) {
        opened = drive(d, dir, FAULT_CHANGES);
        if (!opened && stay)
            disk_heal();
    }
    bool fired = disk_has_failed();
    disk_stop();
    for (unsigned i = 0; i < CRASH_ACTORS; i++)
        ok = ok && d->actors[i].acked == d->actors[i].goal;
    if (!ok || !opened || d->wrong)
        tap_failed(__FILE__, __LINE__, "%s %lu: not usable afterwards (%u failures, %s)",
                   disk_op_name(op), nth, d->failures, slv_code_name(d->wrong));
    else if (look_at(d, dir, &err) != SLV_OK)
        tap_failed(__FILE__, __LINE__, "%s %lu: %s", disk_op_name(op), nth, slv_err_text(&err));
    else if (fired && cut_many(s, name, 4, prng, &err) > 0)
        tap_failed(__FILE__, __LINE__, "%s %lu: %s", disk_op_name(op), nth, slv_err_text(&err));
    ok = ok && opened && !d->wrong && err.code == SLV_OK;
    free(d);
    return ok;
}

/* How many calls of each kind a run makes that nothing happens to. */
static bool count_calls(const crash_service *s, const char *name, unsigned long *ret)
{
    driver *d = slv_new0(driver);
    char dir[512];
    bool ok = fresh_dir(dir, name, "count");

    driver_init(d, s);
    disk_watch(dir);
    ok = ok && drive(d, dir, FAULT_CHANGES);
    disk_stop();
    for (int op = 0; op < DISK_OPS; op++)
        ret[op] = disk_calls((disk_op)op);
    ok = ok && d->failures == 0;
    free(d);
    return ok;
}

void crash_fault(const crash_service *s, const char *name)
{
    unsigned long calls[DISK_OPS];
    unsigned runs = 0;
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    slv_db_set_wal_pages(WAL_PAGES);
    if (!count_calls(s, name, calls)) {
        tap_failed(__FILE__, __LINE__, "the run without faults failed");
        return;
    }
    for (int op = 0; op < DISK_OPS; op++) {
        for (unsigned i = 0; i < FAULT_POINTS && i < calls[op]; i++, runs++) {
            unsigned long nth = 1 + calls[op] * i / FAULT_POINTS;

            if (calls[op] > FAULT_POINTS)
                nth += slv_prng_below(&prng, calls[op] / FAULT_POINTS);
            if (!fault_run(s, name, (disk_op)op, nth, EIO, false, &prng))
                return;
        }
    }
    tap_note("%u runs with a failing call", runs);
}

void crash_full(const crash_service *s, const char *name)
{
    unsigned long calls[DISK_OPS];
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    slv_db_set_wal_pages(WAL_PAGES);
    if (!count_calls(s, name, calls)) {
        tap_failed(__FILE__, __LINE__, "the run without faults failed");
        return;
    }
    for (unsigned i = 0; i < FAULT_POINTS; i++) {
        unsigned long nth = 1 + calls[DISK_WRITE] * i / FAULT_POINTS;

        if (!fault_run(s, name, DISK_WRITE, nth, ENOSPC, true, &prng))
            return;
    }
    tap_note("%u runs on a disk that becomes full", FAULT_POINTS);
}
