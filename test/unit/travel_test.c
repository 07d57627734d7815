/* An object's files and its database together: logs that change, ends in between, ways back. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"
#include "durable/durable.h"
#include "objects/files.h"
#include "support/tap.h"

#define ID SLV_STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")
#define KEYS 40

typedef struct rig {
    char folder[512];
    slv_object_files f;
    slv_durable *d;
    unsigned values[KEYS]; /* what the database must have; 0: nothing */
    int64_t clock;
} rig;

typedef struct moment {
    char bookmark[SLV_OBJECT_BOOKMARK_LEN + 1];
    unsigned values[KEYS];
    int64_t ms;
} moment;

static bool open_rig(rig *r)
{
    slv_err err = {0};

    if (slv_object_files_open(r->folder, ID, &r->f, &err) != SLV_OK) {
        tap_note("open: %s", slv_err_text(&err));
        return false;
    }
    const slv_durable_options o = {.db_fd = dup(r->f.db), .wal_fd = dup(r->f.wal)};
    if (slv_durable_open_take(&o, &r->d, &err) == SLV_OK)
        return true;
    tap_note("open: %s", slv_err_text(&err));
    return false;
}

static void close_rig(rig *r)
{
    r->d = slv_durable_free(r->d);
    slv_object_files_close(&r->f);
}

static bool again(rig *r)
{
    close_rig(r);
    return open_rig(r);
}

static bool start(rig *r, const char *name)
{
    *r = (rig){.clock = 1000};
    (void)snprintf(r->folder, sizeof r->folder, "%s/%s", tap_tmpdir(), name);
    return open_rig(r);
}

static bool set(rig *r, unsigned key, unsigned value)
{
    char k[16], v[600];
    uint64_t bytes;
    slv_err err = {0};

    (void)snprintf(k, sizeof k, "k%02u", key);
    (void)snprintf(v, sizeof v, "%0500u", value); /* so that pages come and go */
    if (slv_durable_kv_put(r->d, slv_str_from(k), slv_str_from(v), &err) != SLV_OK ||
        slv_durable_commit(r->d, &err) != SLV_OK ||
        slv_object_files_sync(&r->f, &bytes, &err) != SLV_OK) {
        tap_note("set: %s", slv_err_text(&err));
        return false;
    }
    r->values[key] = value;
    r->clock += 400;
    slv_object_files_note(&r->f, slv_durable_wal_frames(r->d), r->clock);
    return true;
}

static bool matches(rig *r, const unsigned values[KEYS])
{
    for (unsigned i = 0; i < KEYS; i++) {
        char k[16];
        slv_str got;
        uint64_t n = 0;

        (void)snprintf(k, sizeof k, "k%02u", i);
        slv_code code = slv_durable_kv_get(r->d, slv_str_from(k), &got, NULL);
        if (code == SLV_OK && slv_parse_u64(got, &n) != SLV_OK)
            return false;
        slv_durable_kv_got(r->d);
        if (n != values[i]) {
            tap_note("%s is %u, expected %u", k, (unsigned)n, values[i]);
            return false;
        }
    }
    return true;
}

static bool checkpoint(rig *r)
{
    bool changed = false;

    return slv_object_files_prepare(&r->f, NULL) == SLV_OK &&
           slv_durable_change_wal(r->d, dup(r->f.next), &changed, NULL) == SLV_OK && changed &&
           slv_object_files_rotate(&r->f, NULL) == SLV_OK;
}

static bool remember(rig *r, moment *m)
{
    memcpy(m->values, r->values, sizeof m->values);
    m->ms = r->clock;
    return slv_object_files_bookmark(&r->f, m->bookmark, NULL) == SLV_OK;
}

static bool go_back(rig *r, const moment *m, char undo[static SLV_OBJECT_BOOKMARK_LEN + 1])
{
    slv_err err = {0};

    if (slv_object_files_restore(&r->f, slv_str_from(m->bookmark), undo, &err) != SLV_OK) {
        tap_note("restore %s: %s", m->bookmark, slv_err_text(&err));
        return false;
    }
    memcpy(r->values, m->values, sizeof r->values);
    return again(r);
}

TEST(a_log_is_changed_and_nothing_is_lost)
{
    rig r;
    struct stat st;
    char path[1024];

    CHECK(start(&r, "change"));
    CHECK(set(&r, 1, 11) && set(&r, 2, 22) && checkpoint(&r));
    (void)snprintf(path, sizeof path, "%s/%.*s.log/00000001.wal", r.folder, SLV_STR_ARGS(ID));
    CHECK(stat(path, &st) == 0 && st.st_size > 4096);
    CHECK(set(&r, 2, 23) && matches(&r, r.values));
    CHECK(again(&r) && matches(&r, r.values));
    CHECK_INT(r.f.segment, 2);
    CHECK(checkpoint(&r) && set(&r, 3, 33) && again(&r) && matches(&r, r.values));
    CHECK_INT(r.f.segment, 3);
    close_rig(&r);
}

TEST(an_end_between_the_steps_of_a_checkpoint_is_finished_or_undone)
{
    rig r;
    bool changed;

    CHECK(start(&r, "between"));
    CHECK(set(&r, 1, 11) && slv_object_files_prepare(&r.f, NULL) == SLV_OK);
    CHECK(again(&r) && matches(&r, r.values)); /* it had not gone on */
    CHECK_INT(r.f.segment, 1);
    CHECK(set(&r, 1, 12) && slv_object_files_prepare(&r.f, NULL) == SLV_OK);
    CHECK(slv_durable_change_wal(r.d, dup(r.f.next), &changed, NULL) == SLV_OK && changed);
    CHECK(again(&r) && matches(&r, r.values)); /* gone on, nothing written */
    CHECK_INT(r.f.segment, 1);
    CHECK(set(&r, 2, 13) && slv_object_files_prepare(&r.f, NULL) == SLV_OK);
    CHECK(slv_durable_change_wal(r.d, dup(r.f.next), &changed, NULL) == SLV_OK && changed);
    CHECK(slv_durable_kv_put(r.d, SLV_STR("k05"), SLV_STR("77"), NULL) == SLV_OK);
    CHECK(slv_durable_commit(r.d, NULL) == SLV_OK);
    r.values[5] = 77;
    CHECK(again(&r) && matches(&r, r.values)); /* gone on and written */
    CHECK_INT(r.f.segment, 2);
    close_rig(&r);
}

TEST(an_open_query_keeps_the_log)
{
    const slv_durable_range all = {.has_end = false};
    slv_str key, value;
    bool changed = true;
    rig r;

    CHECK(start(&r, "query"));
    CHECK(set(&r, 1, 1) && set(&r, 2, 2));
    CHECK(slv_durable_kv_list(r.d, &all, NULL) == SLV_OK &&
          slv_durable_kv_next(r.d, &key, &value, NULL) == SLV_OK);
    CHECK(slv_object_files_prepare(&r.f, NULL) == SLV_OK);
    CHECK(slv_durable_change_wal(r.d, dup(r.f.next), &changed, NULL) == SLV_OK && !changed);
    slv_object_files_drop_next(&r.f);
    slv_durable_kv_list_end(r.d);
    CHECK(set(&r, 3, 3) && checkpoint(&r) && again(&r) && matches(&r, r.values));
    close_rig(&r);
}

TEST(an_object_goes_back_and_forth)
{
    moment first, second;
    char undo[SLV_OBJECT_BOOKMARK_LEN + 1];
    unsigned now[KEYS];
    rig r;

    CHECK(start(&r, "back"));
    CHECK(set(&r, 1, 1) && remember(&r, &first));
    CHECK(set(&r, 1, 2) && remember(&r, &second) && strcmp(first.bookmark, second.bookmark) < 0);
    CHECK(checkpoint(&r) && set(&r, 1, 3) && set(&r, 4, 4));
    memcpy(now, r.values, sizeof now);
    CHECK(go_back(&r, &first, undo) && matches(&r, first.values));
    CHECK(set(&r, 9, 9) && again(&r) && matches(&r, r.values));
    CHECK(go_back(&r, &second, undo) && matches(&r, second.values));
    moment before = {.ms = 0};
    memcpy(before.bookmark, undo, sizeof undo); /* with k09 = 9 */
    memcpy(before.values, first.values, sizeof now);
    before.values[9] = 9;
    CHECK(go_back(&r, &before, undo) && matches(&r, before.values));
    close_rig(&r);
}

TEST(bookmarks_of_times_and_wrong_ones)
{
    char text[SLV_OBJECT_BOOKMARK_LEN + 1];
    moment m;
    rig r;

    CHECK(start(&r, "times"));
    CHECK_INT(slv_object_files_bookmark_at(&r.f, 1000, text, NULL), SLV_E_NOTFOUND);
    for (unsigned i = 1; i < 12; i++)
        CHECK(set(&r, 1, i));
    CHECK(remember(&r, &m));
    CHECK_INT(slv_object_files_bookmark_at(&r.f, r.clock, text, NULL), SLV_OK);
    CHECK_STR(slv_str_from(text), slv_str_from(m.bookmark));
    CHECK_INT(slv_object_files_bookmark_at(&r.f, r.clock - 2000, text, NULL), SLV_OK);
    CHECK(strcmp(text, m.bookmark) < 0);
    CHECK_INT(slv_object_files_restore(&r.f, SLV_STR("x"), text, NULL), SLV_E_INVAL);
    m.bookmark[58] ^= 1;
    CHECK_INT(slv_object_files_restore(&r.f, slv_str_from(m.bookmark), text, NULL), SLV_E_INVAL);
    m.bookmark[58] ^= 1;
    m.bookmark[7] = '9'; /* a segment that is not there yet */
    CHECK_INT(slv_object_files_restore(&r.f, slv_str_from(m.bookmark), text, NULL), SLV_E_NOTFOUND);
    CHECK(again(&r) && matches(&r, r.values));
    close_rig(&r);
}

TEST(every_moment_of_a_random_life_can_be_reached)
{
    SLV_VEC(moment) past = {0};
    char undo[SLV_OBJECT_BOOKMARK_LEN + 1];
    slv_prng rng;
    bool ok;
    rig r;

    slv_prng_seed(&rng, tap_seed());
    CHECK(start(&r, "random"));
    ok = true;
    for (unsigned i = 1; ok && i < 400; i++) {
        switch (slv_prng_below(&rng, 12)) {
        case 0:
            ok = checkpoint(&r);
            break;
        case 1:
            ok = again(&r);
            break;
        case 2:
            ok = past.len == 0 || go_back(&r, &past.items[slv_prng_below(&rng, past.len)], undo);
            break;
        case 3:
        case 4: {
            moment m;

            ok = remember(&r, &m);
            slv_vec_push(&past, m);
            break;
        }
        default:
            ok = set(&r, (unsigned)slv_prng_below(&rng, KEYS), i);
        }
        ok = ok && matches(&r, r.values);
    }
    slv_vec_done(&past);
    close_rig(&r);
    CHECK(ok);
}

TAP_MAIN()
