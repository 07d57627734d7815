/*
 * Kept logs on disk: docs/formats/logs.md.
 *
 *     <first write, ms, 13 digits>.jsonl      lines in the order in which they were written
 *
 * A line's time is never later than its write, so that a file whose successor began before the
 * beginning of a search has nothing for it.
 */
#include "sight/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "fmt/json.h"

#define SUFFIX ".jsonl"
#define DAY_MS ((int64_t)86400000)
#define FILE_MAX (SLV_KEEP_SEGMENT_BYTES + ((uint64_t)64 << 20))
#define PARSE_MAX ((size_t)8 << 20)

typedef struct segment {
    int64_t began_ms;
    uint64_t bytes;
} segment;

typedef SLV_VEC(segment) segments;

struct slv_keep {
    char *dir;
    uint32_t days;
    uint64_t bytes, total;
    segments list; /* oldest first */
    int fd;        /* of the last; -1: none is open */
};

/* ---- the folder ---- */

static int by_time(const void *a, const void *b)
{
    const segment *x = a, *y = b;

    return x->began_ms < y->began_ms ? -1 : x->began_ms > y->began_ms;
}

static void path_of(const char *dir, int64_t began_ms, slv_buf *out)
{
    slv_buf_reset(out);
    if (slv_buf_printf(out, "%s/%013lld" SUFFIX, dir, (long long)began_ms) != SLV_OK ||
        !slv_buf_cstr(out))
        slv_buf_reset(out);
}

static slv_code list_segments(const char *dir, segments *ret, slv_err *err)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    struct stat st;

    if (!d)
        return errno == ENOENT ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "cannot open %s", dir);
    while ((e = readdir(d)) != NULL) {
        slv_str name = slv_str_from(e->d_name);
        uint64_t ms;

        if (!slv_str_ends(name, SLV_STR(SUFFIX)) ||
            slv_parse_u64(slv_str_sub(name, 0, name.len - sizeof SUFFIX + 1), &ms) != SLV_OK ||
            fstatat(dirfd(d), e->d_name, &st, 0) != 0)
            continue;
        slv_vec_push(ret, ((segment){(int64_t)ms, (uint64_t)st.st_size}));
    }
    closedir(d);
    if (ret->len > 1)
        qsort(ret->items, ret->len, sizeof *ret->items, by_time);
    return SLV_OK;
}

/* ---- writing ---- */

slv_code slv_keep_open(const char *dir, uint32_t days, uint64_t bytes, slv_keep **ret, slv_err *err)
{
    SLV_CLEANUP(slv_keep_close) slv_keep *keep = slv_new0(slv_keep);

    keep->fd = -1;
    keep->dir = slv_strdup(dir);
    keep->days = days ? days : SLV_KEEP_DAYS;
    keep->bytes = bytes ? bytes : SLV_KEEP_BYTES;
    SLV_TRY(list_segments(dir, &keep->list, err));
    for (size_t i = 0; i < keep->list.len; i++)
        keep->total += keep->list.items[i].bytes;
    *ret = SLV_STEAL(keep);
    return SLV_OK;
}

slv_keep *slv_keep_close(slv_keep *keep)
{
    if (!keep)
        return NULL;
    if (keep->fd >= 0)
        close(keep->fd);
    slv_vec_done(&keep->list);
    free(keep->dir);
    free(keep);
    return NULL;
}

static void drop_oldest(slv_keep *keep)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF((size_t)16 << 10);

    path_of(keep->dir, keep->list.items[0].began_ms, &path);
    if (path.len > 0)
        (void)unlink(path.ptr);
    keep->total -= keep->list.items[0].bytes;
    keep->list.len--;
    memmove(keep->list.items, keep->list.items + 1, keep->list.len * sizeof *keep->list.items);
}

/* When the last line of a file can have been written: the next one had begun, or a day was over. */
static int64_t ends_at(const segments *list, size_t i)
{
    int64_t day = list->items[i].began_ms + DAY_MS;

    return i + 1 < list->len ? SLV_MIN(day, list->items[i + 1].began_ms) : INT64_MAX;
}

/* Never the one that is being written. */
static void prune(slv_keep *keep, int64_t now_ms)
{
    int64_t oldest = now_ms - (int64_t)keep->days * DAY_MS;

    while (keep->list.len > 1 && (keep->total > keep->bytes || ends_at(&keep->list, 0) < oldest))
        drop_oldest(keep);
}

static slv_code begin_segment(slv_keep *keep, int64_t now_ms, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF((size_t)16 << 10);
    size_t n = keep->list.len;

    if (keep->fd >= 0)
        close(keep->fd);
    keep->fd = -1;
    if (n > 0 && now_ms <= keep->list.items[n - 1].began_ms)
        now_ms = keep->list.items[n - 1].began_ms + 1; /* the clock went back */
    path_of(keep->dir, now_ms, &path);
    keep->fd = open(path.len > 0 ? path.ptr : "", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (keep->fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot make a file in %s", keep->dir);
    slv_vec_push(&keep->list, ((segment){now_ms, 0}));
    return SLV_OK;
}

slv_code slv_keep_append(slv_keep *keep, slv_str lines, int64_t now_ms, slv_err *err)
{
    segment *last = keep->list.len > 0 ? &keep->list.items[keep->list.len - 1] : NULL;

    /* a file that another run began is not written on: its last line may be half */
    if (keep->fd < 0 || !last || last->bytes >= SLV_KEEP_SEGMENT_BYTES ||
        now_ms - last->began_ms >= DAY_MS) {
        SLV_TRY(begin_segment(keep, now_ms, err));
        prune(keep, now_ms);
        last = &keep->list.items[keep->list.len - 1];
    }
    while (lines.len > 0) {
        ssize_t n = write(keep->fd, lines.ptr, lines.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            slv_code code = slv_fail_errno(err, SLV_E_IO, "cannot write logs in %s", keep->dir);

            close(keep->fd); /* the next write begins a file */
            keep->fd = -1;
            return code;
        }
        lines = slv_str_skip(lines, (size_t)n);
        last->bytes += (uint64_t)n;
        keep->total += (uint64_t)n;
    }
    return SLV_OK;
}

/* ---- searching ---- */

static const char *const levels[] = {"debug", "info", "log", "warn", "error"};

int slv_keep_level(slv_str name)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(levels); i++) {
        if (slv_str_is(name, levels[i]))
            return (int)i;
    }
    return -1;
}

static bool text_is(const slv_node *n, const char *key, slv_str wanted)
{
    return wanted.len == 0 || slv_str_eq(slv_node_str(slv_node_get(n, key)), wanted);
}

/* search: as it stands inside of a JSON string. */
static bool matches(slv_str line, const slv_keep_query *q, slv_str search, slv_arena *arena)
{
    slv_node *n;
    int64_t ms;

    if (search.len > 0 && slv_str_find(line, search, 0) == SIZE_MAX)
        return false;
    slv_arena_reset(arena);
    if (slv_json_parse(line, SLV_JSON_STRICT, arena, &n, NULL) != SLV_OK ||
        !slv_node_i64(slv_node_get(n, "timestamp"), &ms))
        return false;
    return ms >= q->since_ms && (q->until_ms == 0 || ms < q->until_ms) &&
           slv_keep_level(slv_node_str(slv_node_get(n, "level"))) >= q->level &&
           text_is(n, "worker", q->worker) && text_is(n, "type", q->type) &&
           text_is(n, "event", q->event) && text_is(n, "outcome", q->outcome) &&
           text_is(n, "requestId", q->request);
}

/* From its end; true when enough was found. */
static slv_code search_bytes(slv_str bytes, const slv_keep_query *q, slv_str search, slv_kept *ret,
                             bool *ret_enough)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(PARSE_MAX);
    uint32_t limit = q->limit ? SLV_MIN(q->limit, SLV_KEEP_FOUND_MAX) : 100;
    size_t end = slv_str_rchr(bytes, '\n'); /* what is behind it is half a line */

    while (end != SIZE_MAX && end > 0) {
        slv_str rest = slv_str_sub(bytes, 0, end);
        size_t before = slv_str_rchr(rest, '\n');
        slv_str line = slv_str_skip(rest, before == SIZE_MAX ? 0 : before + 1);

        if (matches(line, q, search, &arena)) {
            if (ret->count >= limit || ret->lines.len + line.len + 1 > SLV_KEEP_FOUND_BYTES) {
                ret->more = *ret_enough = true;
                return SLV_OK;
            }
            SLV_TRY(slv_buf_append(&ret->lines, line));
            SLV_TRY(slv_buf_append_byte(&ret->lines, '\n'));
            ret->count++;
        }
        end = before;
    }
    return SLV_OK;
}

slv_code slv_keep_search(const char *dir, const slv_keep_query *q, slv_kept *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF((size_t)16 << 10);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)64 << 10);
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF((size_t)FILE_MAX);
    segments list = {0};
    bool enough = false;
    slv_code code;

    *ret = (slv_kept){.lines = SLV_BUF(SLV_KEEP_FOUND_BYTES)};
    if (q->search.len > 0)
        SLV_TRY(slv_json_put_string(&text, q->search));
    slv_str search =
        text.len > 2 ? slv_str_sub(slv_buf_view(&text), 1, text.len - 1) : SLV_STR_NULL;
    code = list_segments(dir, &list, err);
    for (size_t i = list.len; i > 0 && code == SLV_OK && !enough; i--) {
        if (ends_at(&list, i - 1) < q->since_ms)
            break;
        path_of(dir, list.items[i - 1].began_ms, &path);
        slv_buf_reset(&bytes);
        if (slv_file_read(path.ptr, &bytes, NULL) == SLV_OK) /* else it was just removed */
            code = search_bytes(slv_buf_view(&bytes), q, search, ret, &enough);
    }
    slv_vec_done(&list);
    return code;
}

void slv_kept_done(slv_kept *kept)
{
    slv_buf_done(&kept->lines);
}
