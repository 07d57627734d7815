#include "edge/cron_book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aio/strand.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "fmt/json.h"

#define FILE_MAX ((size_t)8 << 20)
#define KEY_MAX ((size_t)4 << 10)
#define DAY_MS ((int64_t)24 * 3600 * 1000)

typedef struct entry {
    int64_t last_ms; /* slot, or when the cron was first seen */
    bool looked;     /* missed slots were asked for */
} entry;

struct slv_cron_book {
    slv_state *state; /* NULL: nothing is kept */
    slv_loop *loop;
    char *path;
    SLV_MAP(entry) entries; /* by tenant, worker and cron, joined by NUL */
    bool dirty, saving, closed;
    slv_job job;
    slv_buf text; /* that is being written */
};

/* ---- the file ---- */

static slv_code put_entry(slv_buf *out, slv_str key, const entry *e)
{
    static const char *const names[] = {"tenant", "worker", "cron"};
    slv_str part;

    SLV_TRY(slv_buf_append_byte(out, '{'));
    for (size_t i = 0; i < SLV_ARRAY_LEN(names) && slv_str_split(&key, '\0', &part); i++) {
        SLV_TRY(slv_buf_printf(out, "\"%s\":", names[i]));
        SLV_TRY(slv_json_put_string(out, part));
        SLV_TRY(slv_buf_append_byte(out, ','));
    }
    return slv_buf_printf(out, "\"last\":%lld}", (long long)e->last_ms);
}

static slv_code put_all(slv_cron_book *book, slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("[")));
    SLV_MAP_EACH (&book->entries, i) {
        SLV_TRY(slv_buf_append(out, i > 0 ? SLV_STR(",\n") : SLV_STR("\n")));
        SLV_TRY(put_entry(out, book->entries.keys[i], &book->entries.values[i]));
    }
    return slv_buf_append(out, SLV_STR("\n]\n"));
}

static slv_code put_key(slv_buf *out, slv_str tenant, slv_str worker, slv_str cron)
{
    SLV_TRY(slv_buf_append(out, tenant));
    SLV_TRY(slv_buf_append_byte(out, '\0'));
    SLV_TRY(slv_buf_append(out, worker));
    SLV_TRY(slv_buf_append_byte(out, '\0'));
    return slv_buf_append(out, cron);
}

static void take_entry(slv_cron_book *book, const slv_node *n)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(KEY_MAX);
    entry e = {0};

    if (slv_node_i64(slv_node_get(n, "last"), &e.last_ms) &&
        put_key(&key, slv_node_str(slv_node_get(n, "tenant")),
                slv_node_str(slv_node_get(n, "worker")),
                slv_node_str(slv_node_get(n, "cron"))) == SLV_OK &&
        book->entries.len < SLV_CRON_BOOK_MAX)
        slv_map_set(&book->entries, slv_buf_view(&key), e);
}

static slv_code read_file(const char *path, slv_buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return SLV_E_NOTFOUND;
    do {
        n = slv_buf_reserve(out, 65536) == SLV_OK ? read(fd, out->ptr + out->len, 65536) : -1;
        out->len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    close(fd);
    return n == 0 ? SLV_OK : SLV_E_IO;
}

static void load(slv_cron_book *book)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(FILE_MAX);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(FILE_MAX * 8);
    slv_node *root = NULL;

    if (read_file(book->path, &text) != SLV_OK ||
        slv_json_parse(slv_buf_view(&text), SLV_JSON_STRICT, &arena, &root, NULL) != SLV_OK ||
        !slv_node_is(root, SLV_NODE_ARRAY))
        return;
    for (const slv_node *n = root->first; n; n = n->next)
        take_entry(book, n);
}

static void write_file(const slv_cron_book *book)
{
    SLV_CLEANUP(slv_charp_free) char *temporary = NULL;
    int fd;
    bool ok;

    if (asprintf(&temporary, "%s.new", book->path) < 0) {
        temporary = NULL;
        return;
    }
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ok = write(fd, book->text.ptr, book->text.len) == (ssize_t)book->text.len && fsync(fd) == 0;
    close(fd);
    if (!ok || rename(temporary, book->path) != 0)
        unlink(temporary);
}

/* ---- written behind ---- */

static void run_save(slv_job *job)
{
    write_file(slv_container_of(job, slv_cron_book, job));
}

static void save(slv_cron_book *book);

static void on_saved(slv_job *job)
{
    slv_cron_book *book = slv_container_of(job, slv_cron_book, job);

    book->saving = false;
    if (book->dirty)
        save(book);
}

static void save(slv_cron_book *book)
{
    book->dirty = true;
    if (book->saving || book->closed || !book->path)
        return;
    slv_buf_reset(&book->text);
    book->dirty = false;
    if (put_all(book, &book->text) != SLV_OK)
        return;
    book->saving = true;
    book->job = (slv_job){.run = run_save, .done = on_saved};
    slv_state_work(book->state, book->loop, &book->job);
}

slv_cron_book *slv_cron_book_open(slv_state *state, slv_loop *loop)
{
    slv_cron_book *book = slv_new0(slv_cron_book);

    book->state = state;
    book->loop = loop;
    book->text = SLV_BUF(FILE_MAX);
    if (state && asprintf(&book->path, "%s/cron.json", slv_state_dir(state)) < 0)
        book->path = NULL;
    if (book->path)
        load(book);
    return book;
}

void slv_cron_book_close(slv_cron_book *book)
{
    book->closed = true;
}

slv_cron_book *slv_cron_book_free(slv_cron_book *book)
{
    if (!book)
        return NULL;
    SLV_ASSERT(!book->saving);
    slv_buf_reset(&book->text);
    if (book->dirty && book->path && put_all(book, &book->text) == SLV_OK)
        write_file(book);
    slv_map_done(&book->entries);
    slv_buf_done(&book->text);
    free(book->path);
    free(book);
    return NULL;
}

/* ---- slots ---- */

int64_t slv_cron_book_latest(const slv_cron *cron, int64_t from_ms, int64_t to_ms)
{
    /* Windows that end now, the shortest first: crons of every minute have their last slot in the
       first one, those of every year in the last. */
    static const int64_t windows[] = {3600 * 1000, DAY_MS, 32 * DAY_MS, 400 * DAY_MS,
                                      INT64_MAX / 4};

    for (size_t i = 0; i < SLV_ARRAY_LEN(windows); i++) {
        int64_t begin = SLV_MAX(to_ms - windows[i], from_ms), last = -1, slot = begin;

        while ((slot = slv_cron_next(cron, slot)) >= 0 && slot <= to_ms)
            last = slot;
        if (last >= 0 || begin == from_ms)
            return last;
    }
    return -1;
}

static entry *entry_of(slv_cron_book *book, const slv_version *version, slv_str text)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(KEY_MAX);
    static const entry fresh = {.last_ms = -1};

    if (put_key(&key, version->tenant, version->name, text) != SLV_OK)
        return NULL;
    if (!slv_map_get(&book->entries, slv_buf_view(&key))) {
        if (book->entries.len >= SLV_CRON_BOOK_MAX)
            return NULL;
        slv_map_set(&book->entries, slv_buf_view(&key), fresh);
    }
    return slv_map_get(&book->entries, slv_buf_view(&key));
}

int64_t slv_cron_book_missed(slv_cron_book *book, const slv_version *version, slv_str text,
                             const slv_cron *cron, int64_t now_ms)
{
    entry *e = entry_of(book, version, text);

    if (!e || e->looked)
        return -1;
    e->looked = true;
    if (e->last_ms >= 0)
        return slv_cron_book_latest(cron, e->last_ms, now_ms);
    e->last_ms = now_ms; /* what was before its first day is no miss */
    save(book);
    return -1;
}

void slv_cron_book_ran(slv_cron_book *book, const slv_version *version, slv_str text,
                       int64_t slot_ms)
{
    entry *e = entry_of(book, version, text);

    if (!e || slot_ms <= e->last_ms)
        return;
    e->last_ms = slot_ms;
    save(book);
}
