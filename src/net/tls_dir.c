#include "net/tls_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "aio/poll.h"
#include "aio/timer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "base/vec.h"

#define FILE_MAX ((size_t)256 << 10)
#define SETTLE_MS 100 /* after a change: files of a pair come one after the other */
#define WATCHED                                                                                    \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB | IN_ONLYDIR)

/* What tells that a file is another than before. */
typedef struct mark {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
} mark;

typedef struct pair {
    char *name;        /* for people: "example.com" */
    char *chain, *key; /* paths */
    size_t dir;        /* position in options.dirs */
    mark chain_mark, key_mark;
    slv_tls_cert *cert; /* NULL: none could be used yet */
    bool seen;          /* in the reading under way */
} pair;

struct slv_tls_dir {
    slv_tls_dir_options o;
    char **dirs;
    char *default_host;
    slv_tls_server *server;
    slv_tls_cert *fallback;
    SLV_VEC(pair *) pairs;
    SLV_MAP(pair *) by_chain;
    int inotify; /* -1: there is none */
    slv_poll poll;
    slv_timer timer;
    bool altered, full;
};

static void tell(slv_tls_dir *d, slv_err *err)
{
    if (d->o.notice)
        d->o.notice(d->o.user, slv_str_from(slv_err_text(err)));
}

/* ---- one pair ---- */

static pair *pair_free(pair *p)
{
    slv_tls_cert_unref(p->cert);
    free(p->name);
    free(p->chain);
    free(p->key);
    free(p);
    return NULL;
}

static mark mark_of(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return (mark){.dev = 0};
    return (mark){.dev = st.st_dev,
                  .ino = st.st_ino,
                  .size = (uint64_t)st.st_size,
                  .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
                  .ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec};
}

static bool same_mark(const mark *a, const mark *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static slv_code check_key_mode(const char *path, slv_err *err)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "%s", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return slv_fail(
            err, SLV_E_DENIED,
            "%s: the key belongs to another user (uid %u); it must be root's or our own", path,
            (unsigned)st.st_uid);
    if (st.st_mode & (S_IRWXO | S_IWGRP))
        return slv_fail(err, SLV_E_DENIED,
                        "%s: the key is open to others (mode %04o); give it mode 0600 or 0640",
                        path, (unsigned)st.st_mode & 07777);
    return SLV_OK;
}

static slv_code load(const pair *p, slv_tls_cert **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf chain = SLV_BUF(FILE_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(FILE_MAX);
    slv_err why = {0};
    slv_code code;

    SLV_TRY(slv_file_read(p->chain, &chain, err));
    SLV_TRY(check_key_mode(p->key, err));
    SLV_TRY(slv_file_read(p->key, &key, err));
    code = slv_tls_cert_pem(slv_buf_view(&chain), slv_buf_view(&key), ret, &why);
    if (key.ptr)
        OPENSSL_cleanse(key.ptr, key.cap);
    if (code != SLV_OK)
        return slv_fail(err, code, "%s with %s: %s", p->chain, p->key, slv_err_text(&why));
    if (slv_tls_cert_name_count(*ret) == 0) {
        *ret = slv_tls_cert_unref(*ret);
        return slv_fail(err, SLV_E_INVAL, "%s: the certificate names no host", p->chain);
    }
    return SLV_OK;
}

static void tell_expired(slv_tls_dir *d, const pair *p)
{
    time_t end = (time_t)(slv_tls_cert_not_after_ms(p->cert) / 1000);
    slv_err err = {0};
    struct tm tm;
    char text[32];

    if (slv_tls_cert_not_after_ms(p->cert) > slv_clock_wall_ms())
        return;
    gmtime_r(&end, &tm);
    (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &tm);
    (void)slv_fail(&err, SLV_E_INVAL, "%s: the certificate has expired (%s)", p->chain, text);
    tell(d, &err);
}

static void look_at(slv_tls_dir *d, pair *p)
{
    mark chain = mark_of(p->chain), key = mark_of(p->key);
    slv_tls_cert *cert = NULL;
    slv_err err = {0};

    p->seen = true;
    if (same_mark(&chain, &p->chain_mark) && same_mark(&key, &p->key_mark))
        return;
    p->chain_mark = chain;
    p->key_mark = key;
    if (load(p, &cert, &err) != SLV_OK) {
        if (p->cert) {
            slv_err longer = {0};

            (void)slv_fail(&longer, err.code, "%s; the certificate before it stays in use",
                           slv_err_text(&err));
            tell(d, &longer);
        } else {
            tell(d, &err);
        }
        return;
    }
    slv_tls_cert_unref(p->cert);
    p->cert = cert;
    d->altered = true;
    tell_expired(d, p);
}

/* ---- a directory ---- */

/* Takes the paths. */
static void found(slv_tls_dir *d, size_t dir, slv_str name, char *chain, char *key)
{
    pair **known = slv_map_get(&d->by_chain, slv_str_from(chain)), *p;

    if (known) {
        free(chain);
        free(key);
        look_at(d, *known);
        return;
    }
    if (d->pairs.len >= SLV_TLS_DIR_PAIRS_MAX) {
        slv_err err = {0};

        if (!d->full) {
            (void)slv_fail(&err, SLV_E_LIMIT,
                           "%s: more than %u certificates; the others are not used", d->dirs[dir],
                           SLV_TLS_DIR_PAIRS_MAX);
            tell(d, &err);
        }
        d->full = true;
        free(chain);
        free(key);
        return;
    }
    p = slv_new0(pair);
    p->name = slv_strndup(name.ptr, name.len);
    p->chain = chain;
    p->key = key;
    p->dir = dir;
    slv_vec_push(&d->pairs, p);
    slv_map_set(&d->by_chain, slv_str_from(chain), p);
    look_at(d, p);
}

static void visit(slv_tls_dir *d, size_t dir, const char *entry)
{
    slv_str name = slv_str_from(entry),
            stem = slv_str_sub(name, 0, name.len > 4 ? name.len - 4 : 0);
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(d->dirs[dir], name);
    char *chain, *key;

    if (slv_dir_exists(path)) {
        chain = slv_path_join(path, SLV_STR("fullchain.pem"));
        key = slv_path_join(path, SLV_STR("privkey.pem"));
        if (d->inotify >= 0)
            (void)inotify_add_watch(d->inotify, path, WATCHED);
        if (slv_file_exists(chain)) {
            found(d, dir, name, chain, key);
        } else {
            free(chain);
            free(key);
        }
    } else if (stem.len > 0 && slv_str_ends(name, SLV_STR(".crt")) && slv_file_exists(path)) {
        SLV_CLEANUP(slv_buf_done) slv_buf key_name = SLV_BUF(NAME_MAX + 8);

        if (slv_buf_append(&key_name, stem) == SLV_OK &&
            slv_buf_append(&key_name, SLV_STR(".key")) == SLV_OK)
            found(d, dir, stem, slv_strdup(path),
                  slv_path_join(d->dirs[dir], slv_buf_view(&key_name)));
    }
}

static void read_dir(slv_tls_dir *d, size_t dir)
{
    DIR *list = opendir(d->dirs[dir]);
    const struct dirent *e;
    slv_err err = {0};

    if (!list) {
        if (errno != ENOENT) {
            (void)slv_fail_errno(&err, SLV_E_IO, "%s", d->dirs[dir]);
            tell(d, &err);
        }
        return;
    }
    if (d->inotify >= 0)
        (void)inotify_add_watch(d->inotify, d->dirs[dir], WATCHED);
    while ((e = readdir(list)))
        if (e->d_name[0] != '.')
            visit(d, dir, e->d_name);
    closedir(list);
}

/* ---- which certificates are used ---- */

static int by_rank(const void *a, const void *b)
{
    const pair *x = *(pair *const *)a, *y = *(pair *const *)b;
    int64_t x_end = x->cert ? slv_tls_cert_not_after_ms(x->cert) : 0,
            y_end = y->cert ? slv_tls_cert_not_after_ms(y->cert) : 0;

    if (x->dir != y->dir)
        return x->dir < y->dir ? -1 : 1;
    if (x_end != y_end)
        return x_end > y_end ? -1 : 1;
    return strcmp(x->chain, y->chain);
}

static pair *default_pair(const slv_tls_dir *d)
{
    slv_str host = slv_str_from(d->default_host);
    pair *first = NULL;

    for (size_t i = 0; i < d->pairs.len; i++) {
        pair *p = d->pairs.items[i];

        if (p->cert && strcmp(p->name, "default") == 0)
            return p;
    }
    for (size_t i = 0; i < d->pairs.len; i++) {
        pair *p = d->pairs.items[i];

        if (!p->cert)
            continue;
        if (host.len > 0 && slv_tls_cert_covers(p->cert, host))
            return p;
        if (!first || p->dir < first->dir ||
            (p->dir == first->dir && strcmp(p->name, first->name) < 0))
            first = p;
    }
    return first;
}

static void put_in_use(slv_tls_dir *d)
{
    SLV_VEC(slv_tls_cert *) list = {0};
    const pair *first;

    if (d->pairs.len > 1)
        qsort(d->pairs.items, d->pairs.len, sizeof *d->pairs.items, by_rank);
    first = default_pair(d);
    for (size_t i = 0; i < d->pairs.len; i++)
        if (d->pairs.items[i]->cert)
            slv_vec_push(&list, d->pairs.items[i]->cert);
    slv_tls_server_use(d->server, first ? first->cert : d->fallback, list.items, list.len);
    slv_vec_done(&list);
    d->altered = false;
}

static void forget_unseen(slv_tls_dir *d)
{
    for (size_t i = d->pairs.len; i-- > 0;) {
        pair *p = d->pairs.items[i];

        if (p->seen)
            continue;
        d->altered |= p->cert != NULL;
        (void)slv_map_remove(&d->by_chain, slv_str_from(p->chain));
        pair_free(p);
        slv_vec_swap_remove(&d->pairs, i);
    }
}

void slv_tls_dir_reload(slv_tls_dir *d)
{
    for (size_t i = 0; i < d->pairs.len; i++)
        d->pairs.items[i]->seen = false;
    d->full = false;
    for (size_t i = 0; i < d->o.dir_count; i++)
        read_dir(d, i);
    forget_unseen(d);
    slv_timer_start(&d->timer, d->o.loop, SLV_TLS_DIR_LOOK_MS);
    if (!d->altered)
        return;
    put_in_use(d);
    if (d->o.changed)
        d->o.changed(d->o.user);
}

static void on_timer(slv_timer *timer)
{
    slv_tls_dir_reload(slv_container_of(timer, slv_tls_dir, timer));
}

static void on_events(slv_poll *poll, unsigned events)
{
    slv_tls_dir *d = slv_container_of(poll, slv_tls_dir, poll);
    char buf[4096];
    bool any = false;

    (void)events;
    while (read(d->inotify, buf, sizeof buf) > 0)
        any = true;
    if (any)
        slv_timer_start(&d->timer, d->o.loop, SETTLE_MS);
}

/* ---- life ---- */

slv_code slv_tls_dir_open(const slv_tls_dir_options *o, slv_tls_dir **ret, slv_err *err)
{
    SLV_CLEANUP(slv_tls_dir_free) slv_tls_dir *d = slv_new0(slv_tls_dir);
    const slv_str nobody = SLV_STR("selvage.invalid");

    d->o = *o;
    d->inotify = -1;
    d->timer.fn = on_timer;
    d->poll.fn = on_events;
    d->dirs = slv_alloc0((o->dir_count + 1) * sizeof *d->dirs);
    for (size_t i = 0; i < o->dir_count; i++)
        d->dirs[i] = slv_strndup(o->dirs[i].ptr, o->dirs[i].len);
    d->default_host =
        slv_strndup(o->default_host.ptr ? o->default_host.ptr : "", o->default_host.len);
    SLV_TRY(slv_tls_server_new(&d->server, err));
    SLV_TRY(slv_tls_cert_self_signed(&nobody, 1, &d->fallback, err));
    d->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC); /* without it there is the timer */
    if (d->inotify >= 0)
        SLV_TRY(slv_poll_start(&d->poll, o->loop, d->inotify, SLV_POLL_READ, err));
    d->altered = true;
    slv_tls_dir_reload(d);
    *ret = SLV_STEAL(d);
    return SLV_OK;
}

slv_tls_server *slv_tls_dir_server(slv_tls_dir *d)
{
    return d->server;
}

const slv_tls_cert *slv_tls_dir_find(const slv_tls_dir *d, slv_str host)
{
    /* ranked as the server has them; an exact name comes before a wildcard */
    const slv_tls_cert *wild = NULL;

    for (size_t i = 0; i < d->pairs.len; i++) {
        const slv_tls_cert *cert = d->pairs.items[i]->cert;

        if (!cert || !slv_tls_cert_covers(cert, host))
            continue;
        for (size_t k = 0; k < slv_tls_cert_name_count(cert); k++)
            if (slv_str_eq_nocase(slv_tls_cert_name(cert, k), host))
                return cert;
        wild = wild ? wild : cert;
    }
    return wild;
}

size_t slv_tls_dir_count(const slv_tls_dir *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->pairs.len; i++)
        n += d->pairs.items[i]->cert != NULL;
    return n;
}

slv_tls_dir *slv_tls_dir_free(slv_tls_dir *d)
{
    if (!d)
        return NULL;
    slv_timer_stop(&d->timer);
    slv_poll_stop(&d->poll);
    if (d->inotify >= 0)
        (void)close(d->inotify);
    while (d->pairs.len > 0)
        pair_free(slv_vec_pop(&d->pairs));
    slv_vec_done(&d->pairs);
    slv_map_done(&d->by_chain);
    slv_tls_cert_unref(d->fallback);
    slv_tls_server_free(d->server);
    for (size_t i = 0; i < d->o.dir_count; i++)
        free(d->dirs[i]);
    free(d->dirs);
    free(d->default_host);
    free(d);
    return NULL;
}
