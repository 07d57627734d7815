#include "cli/watch.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "aio/poll.h"
#include "aio/timer.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"

#define SETTLE_MS 30
#define TREE_DEPTH_MAX 32
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE)

typedef struct watched_dir {
    int wd;
    bool wanted, tree, want_tree;
} watched_dir;

struct slv_watch {
    slv_loop *loop;
    slv_watch_fn fn;
    void *user;
    int fd;
    slv_poll poll;
    slv_timer settle;
    SLV_MAP(watched_dir) dirs;
    SLV_MAP(bool) files; /* value: wanted */
    char *last;
    bool last_in_tree, anything;
};

static void settled(slv_timer *timer)
{
    slv_watch *w = slv_container_of(timer, slv_watch, settle);
    SLV_CLEANUP(slv_charp_free) char *path = SLV_STEAL(w->last);

    if (path)
        w->fn(w->user, path, w->last_in_tree);
}

static const char *dir_of(const slv_watch *w, int wd, bool *ret_tree)
{
    SLV_MAP_EACH (&w->dirs, i) {
        if (w->dirs.values[i].wd == wd) {
            *ret_tree = w->dirs.values[i].tree;
            return w->dirs.keys[i].ptr;
        }
    }
    return NULL;
}

static void changed(slv_watch *w, const struct inotify_event *ev)
{
    bool tree = false;
    const char *dir = dir_of(w, ev->wd, &tree);
    char *path;
    slv_str name;

    if (!dir || ev->len == 0)
        return;
    path = slv_path_join(dir, slv_str_from(ev->name));
    name = slv_str_from(path);
    if (tree && (ev->mask & IN_ISDIR) && (ev->mask & (IN_CREATE | IN_MOVED_TO)))
        slv_watch_tree(w, path);
    if (!tree && !w->anything && !slv_map_get(&w->files, name)) {
        free(path);
        return;
    }
    free(w->last);
    w->last = path;
    w->last_in_tree = tree && !slv_map_get(&w->files, name);
    slv_timer_start(&w->settle, w->loop, SETTLE_MS);
}

static void on_events(slv_poll *poll, SLV_UNUSED unsigned events)
{
    slv_watch *w = slv_container_of(poll, slv_watch, poll);
    _Alignas(struct inotify_event) char buf[16384];

    for (;;) {
        ssize_t n = read(w->fd, buf, sizeof buf);

        if (n <= 0)
            return;
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *ev = (const struct inotify_event *)(const void *)(buf + at);

            changed(w, ev);
            at += (ssize_t)(sizeof *ev + ev->len);
        }
    }
}

slv_code slv_watch_new(slv_loop *loop, slv_watch_fn fn, void *user, slv_watch **ret, slv_err *err)
{
    SLV_CLEANUP(slv_watch_free) slv_watch *w = slv_new0(slv_watch);

    w->loop = loop;
    w->fn = fn;
    w->user = user;
    w->poll.fn = on_events;
    w->settle.fn = settled;
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot watch files");
    SLV_TRY(slv_poll_start(&w->poll, loop, w->fd, SLV_POLL_READ, err));
    *ret = SLV_STEAL(w);
    return SLV_OK;
}

slv_watch *slv_watch_free(slv_watch *w)
{
    if (w) {
        slv_timer_stop(&w->settle);
        slv_poll_stop(&w->poll);
        if (w->fd >= 0)
            close(w->fd);
        slv_map_done(&w->dirs);
        slv_map_done(&w->files);
        free(w->last);
        free(w);
    }
    return NULL;
}

static watched_dir *watch_dir(slv_watch *w, const char *path)
{
    slv_str key = slv_str_from(path);
    watched_dir *d = slv_map_get(&w->dirs, key);
    watched_dir fresh = {0};

    if (!d) {
        if (w->dirs.len >= SLV_WATCH_DIRS_MAX)
            return NULL;
        fresh.wd = inotify_add_watch(w->fd, path, EVENTS | IN_ONLYDIR);
        if (fresh.wd < 0)
            return NULL;
        slv_map_set(&w->dirs, key, fresh);
        d = slv_map_get(&w->dirs, key);
    }
    d->wanted = true;
    return d;
}

void slv_watch_begin(slv_watch *w)
{
    SLV_MAP_EACH (&w->dirs, i) {
        w->dirs.values[i].wanted = w->dirs.values[i].want_tree = false;
    }
    SLV_MAP_EACH (&w->files, i) {
        w->files.values[i] = false;
    }
}

void slv_watch_file(slv_watch *w, slv_str path)
{
    SLV_CLEANUP(slv_charp_free) char *copy = slv_strndup(path.ptr, path.len);
    SLV_CLEANUP(slv_charp_free) char *dir = slv_path_dir(copy);

    slv_map_set(&w->files, path, true);
    (void)watch_dir(w, dir);
}

static void watch_tree(slv_watch *w, const char *path, int depth)
{
    DIR *d = depth < TREE_DEPTH_MAX ? opendir(path) : NULL;
    const struct dirent *entry;
    watched_dir *watched;

    if (!d)
        return;
    watched = watch_dir(w, path);
    if (watched)
        watched->tree = watched->want_tree = true;
    while ((entry = readdir(d))) {
        SLV_CLEANUP(slv_charp_free) char *sub = NULL;

        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "node_modules") == 0)
            continue;
        sub = slv_path_join(path, slv_str_from(entry->d_name));
        if (slv_dir_exists(sub))
            watch_tree(w, sub, depth + 1);
    }
    closedir(d);
}

void slv_watch_tree(slv_watch *w, const char *path)
{
    watch_tree(w, path, 0);
}

void slv_watch_commit(slv_watch *w)
{
    for (size_t i = w->dirs.len; i > 0; i--) {
        watched_dir *d = &w->dirs.values[i - 1];

        d->tree = d->want_tree;
        if (d->wanted)
            continue;
        inotify_rm_watch(w->fd, d->wd);
        slv_map_remove(&w->dirs, w->dirs.keys[i - 1]);
    }
    for (size_t i = w->files.len; i > 0; i--)
        if (!w->files.values[i - 1])
            slv_map_remove(&w->files, w->files.keys[i - 1]);
}

void slv_watch_anything(slv_watch *w, bool on)
{
    w->anything = on;
}
