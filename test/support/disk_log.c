#include "support/disk_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "support/disk.h"

/* A sector is written whole or not at all. */
#define SECTOR ((uint64_t)512)

typedef enum kind {
    WRITE,
    RESIZE,
    SYNC,
    SYNC_FAILED,
    SYNC_DIR,
    CREATE,
    REMOVE,
    RENAME,
    MARK,
} kind;

typedef struct entry {
    kind kind;
    bool dir;
    uint32_t inode;
    uint64_t n; /* offset, length or mark */
    char *bytes;
    size_t len;
    char *path, *to;
} entry;

static SLV_VEC(entry) entries;
static uint32_t inode_count;

/* The disk as of the first `done` entries. */
typedef struct inode {
    bool dir;
    char *bytes; /* what is certain */
    size_t len, cap;
    SLV_VEC(size_t) open; /* entries that may be lost, in order */
} inode;
static struct {
    size_t done;
    SLV_VEC(inode) inodes;
    SLV_MAP(uint32_t) names; /* that are certain */
    SLV_VEC(size_t) open;    /* entries on names that may be lost */
} disk;

/* ---- writing the log ---- */

static entry *add(kind k)
{
    entry e = {.kind = k};

    slv_vec_push(&entries, e);
    return &entries.items[entries.len - 1];
}

void disk_log_reset(void)
{
    disk_rewind();
    for (size_t i = 0; i < entries.len; i++) {
        free(entries.items[i].bytes);
        free(entries.items[i].path);
        free(entries.items[i].to);
    }
    slv_vec_done(&entries);
    inode_count = 0;
}

uint32_t disk_log_create(const char *path, bool dir)
{
    entry *e = add(CREATE);

    e->inode = inode_count++;
    e->dir = dir;
    e->path = slv_strdup(path);
    return e->inode;
}

void disk_log_write(uint32_t inode_number, uint64_t offset, const void *bytes, size_t len)
{
    entry *e = add(WRITE);

    e->inode = inode_number;
    e->n = offset;
    e->bytes = slv_strndup(bytes, len);
    e->len = len;
}

void disk_log_resize(uint32_t inode_number, uint64_t len)
{
    entry *e = add(RESIZE);

    e->inode = inode_number;
    e->n = len;
}

void disk_log_sync(uint32_t inode_number, bool ok)
{
    add(ok ? SYNC : SYNC_FAILED)->inode = inode_number;
}

void disk_log_sync_dir(const char *path)
{
    add(SYNC_DIR)->path = slv_strdup(path);
}

void disk_log_remove(const char *path)
{
    add(REMOVE)->path = slv_strdup(path);
}

void disk_log_rename(const char *from, const char *to)
{
    entry *e = add(RENAME);

    e->path = slv_strdup(from);
    e->to = slv_strdup(to);
}

void disk_log_mark(uint64_t mark)
{
    add(MARK)->n = mark;
}

/* ---- reading it ---- */

void disk_dump(void)
{
    static const char *const text[] = {"write",  "resize", "sync",   "sync FAILED", "sync dir",
                                       "create", "remove", "rename", "mark"};

    for (size_t i = 0; i < entries.len; i++) {
        const entry *e = &entries.items[i];

        fprintf(stderr, "%4zu %-11s file %u at %llu len %zu %s%s%s\n", i, text[e->kind], e->inode,
                (unsigned long long)e->n, e->len, e->path ? e->path : "", e->to ? " -> " : "",
                e->to ? e->to : "");
    }
}

size_t disk_log_len(void)
{
    return entries.len;
}

bool disk_log_is_change(size_t i)
{
    kind k = entries.items[i].kind;

    return k != MARK && k != SYNC && k != SYNC_FAILED && k != SYNC_DIR;
}

void disk_marks(size_t n, void (*fn)(void *arg, uint64_t mark), void *arg)
{
    for (size_t i = 0; i < n && i < entries.len; i++)
        if (entries.items[i].kind == MARK)
            fn(arg, entries.items[i].n);
}

void disk_rewind(void)
{
    for (size_t i = 0; i < disk.inodes.len; i++) {
        free(disk.inodes.items[i].bytes);
        slv_vec_done(&disk.inodes.items[i].open);
    }
    slv_vec_done(&disk.inodes);
    slv_vec_done(&disk.open);
    slv_map_done(&disk.names);
    disk.done = 0;
}

/* A growing run of bytes that holes read as zeros of. */
static void set_len(char **bytes, size_t *len, size_t *cap, size_t want)
{
    if (want > *cap) {
        *cap = want * 2;
        *bytes = slv_realloc(*bytes, *cap);
    }
    if (want > *len)
        memset(*bytes + *len, 0, want - *len);
    *len = want;
}

static void put(char **bytes, size_t *len, size_t *cap, const entry *e, uint64_t from, uint64_t to)
{
    if (*len < e->n + to)
        set_len(bytes, len, cap, (size_t)(e->n + to));
    memcpy(*bytes + e->n + from, e->bytes + from, (size_t)(to - from));
}

static void apply(char **bytes, size_t *len, size_t *cap, const entry *e)
{
    if (e->kind == WRITE)
        put(bytes, len, cap, e, 0, e->len);
    else
        set_len(bytes, len, cap, (size_t)e->n);
}

static void settle(inode *file)
{
    for (size_t i = 0; i < file->open.len; i++)
        apply(&file->bytes, &file->len, &file->cap, &entries.items[file->open.items[i]]);
    file->open.len = 0;
}

/* Half of it went to the disk; the rest never will, since the kernel holds it for clean. */
static void settle_badly(inode *file)
{
    slv_prng prng;

    slv_prng_seed(&prng, disk.done);
    for (size_t i = 0; i < file->open.len; i++)
        if (slv_prng_below(&prng, 2))
            apply(&file->bytes, &file->len, &file->cap, &entries.items[file->open.items[i]]);
    file->open.len = 0;
}

static bool in_dir(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    const char *slash = strrchr(path, '/');

    if (n == 0)
        return !slash;
    return slash && (size_t)(slash - path) == n && memcmp(path, dir, n) == 0;
}

static void rename_in(void *names_of, const entry *e)
{
    __typeof__(disk.names) *names = names_of;
    uint32_t *number;

    switch (e->kind) {
    case CREATE:
        slv_map_set(names, slv_str_from(e->path), e->inode);
        break;
    case REMOVE:
        (void)slv_map_remove(names, slv_str_from(e->path));
        break;
    case RENAME:
        number = slv_map_get(names, slv_str_from(e->path));
        if (number) {
            uint32_t n = *number;

            (void)slv_map_remove(names, slv_str_from(e->path));
            slv_map_set(names, slv_str_from(e->to), n);
        }
        break;
    case WRITE:
    case RESIZE:
    case SYNC:
    case SYNC_FAILED:
    case SYNC_DIR:
    case MARK:
        break;
    }
}

/* A file that was renamed into a directory is there once that directory is synced, also when the
 * one that it was made in never was: the rename carries the file. Looks among the first *count that
 * are open. */
static void settle_made(const char *path, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        const entry *e = &entries.items[disk.open.items[i]];

        if (e->kind != CREATE || strcmp(e->path, path) != 0)
            continue;
        rename_in(&disk.names, e);
        (*count)--;
        memmove(&disk.open.items[i], &disk.open.items[i + 1],
                (*count - i) * sizeof disk.open.items[0]);
        return;
    }
}

static void settle_dir(const char *dir)
{
    size_t kept = 0;

    for (size_t i = 0; i < disk.open.len; i++) {
        const entry *e = &entries.items[disk.open.items[i]];

        if (in_dir(e->path, dir) || (e->to && in_dir(e->to, dir))) {
            if (e->kind == RENAME)
                settle_made(e->path, &kept);
            rename_in(&disk.names, e);
        } else {
            disk.open.items[kept++] = disk.open.items[i];
        }
    }
    disk.open.len = kept;
}

static void advance(size_t n)
{
    for (; disk.done < n; disk.done++) {
        const entry *e = &entries.items[disk.done];
        inode *file = e->inode < disk.inodes.len ? &disk.inodes.items[e->inode] : NULL;

        switch (e->kind) {
        case CREATE: {
            inode fresh = {.dir = e->dir};

            SLV_ASSERT(e->inode == disk.inodes.len);
            slv_vec_push(&disk.inodes, fresh);
            slv_vec_push(&disk.open, disk.done);
            break;
        }
        case REMOVE:
        case RENAME:
            slv_vec_push(&disk.open, disk.done);
            break;
        case WRITE:
        case RESIZE:
            slv_vec_push(&file->open, disk.done);
            break;
        case SYNC:
            settle(file);
            break;
        case SYNC_FAILED:
            settle_badly(file);
            break;
        case SYNC_DIR:
            settle_dir(e->path);
            break;
        case MARK:
            break;
        }
    }
}

/* ---- a power cut ---- */

typedef enum luck {
    NOTHING,
    EVERYTHING,
    PREFIX,
    SOME,
    LUCKS,
} luck;

typedef struct dice {
    slv_prng *prng;
    luck luck;
    uint64_t prefix, percent;
} dice;

static dice throw_dice(slv_prng *prng, size_t count)
{
    dice d = {.prng = prng};

    d.luck = (luck)slv_prng_below(prng, LUCKS);
    d.prefix = slv_prng_below(prng, count + 1);
    d.percent = slv_prng_below(prng, 101);
    return d;
}

static bool stays(const dice *d, size_t i)
{
    switch (d->luck) {
    case NOTHING:
        return false;
    case EVERYTHING:
        return true;
    case PREFIX:
        return i < d->prefix;
    case SOME:
    case LUCKS:
        break;
    }
    return slv_prng_below(d->prng, 100) < d->percent;
}

static void apply_torn(char **bytes, size_t *len, size_t *cap, const entry *e, slv_prng *prng)
{
    uint64_t from = 0;

    while (from < e->len) {
        uint64_t to = SLV_MIN(from + SECTOR - (e->n + from) % SECTOR, (uint64_t)e->len);

        if (slv_prng_below(prng, 2))
            put(bytes, len, cap, e, from, to);
        from = to;
    }
}

static void apply_some(char **bytes, size_t *len, size_t *cap, const size_t *list, size_t count,
                       slv_prng *prng)
{
    dice d = throw_dice(prng, count);

    for (size_t i = 0; i < count; i++) {
        const entry *e = &entries.items[list[i]];

        if (!stays(&d, i))
            continue;
        if (e->kind == WRITE && d.luck == SOME && slv_prng_below(prng, 3) == 0)
            apply_torn(bytes, len, cap, e, prng);
        else
            apply(bytes, len, cap, e);
    }
}

/* Writes a file with what is certain of it and some of the rest. */
static bool lay_out(const inode *file, slv_prng *prng, const char *path)
{
    size_t len = file->len, cap = file->len + 1;
    char *bytes = slv_alloc(cap);
    FILE *out;
    bool ok;

    if (len > 0)
        memcpy(bytes, file->bytes, len);
    apply_some(&bytes, &len, &cap, file->open.items, file->open.len, prng);
    out = fopen(path, "we");
    ok = out && fwrite(bytes, 1, len, out) == len;
    ok = (!out || fclose(out) == 0) && ok;
    free(bytes);
    return ok;
}

static int by_path(const void *a, const void *b)
{
    return slv_str_cmp(*(const slv_str *)a, *(const slv_str *)b);
}

bool disk_crash(size_t n, slv_prng *prng, const char *to)
{
    __typeof__(disk.names) names = {0};
    SLV_VEC(slv_str) paths = {0};
    char path[4096];
    bool ok = mkdir(to, 0700) == 0;

    SLV_ASSERT(n >= disk.done && n <= entries.len);
    advance(n);
    for (size_t i = 0; i < disk.names.len; i++)
        slv_map_set(&names, disk.names.keys[i], disk.names.values[i]);
    dice d = throw_dice(prng, disk.open.len);
    for (size_t i = 0; i < disk.open.len; i++)
        if (stays(&d, i))
            rename_in(&names, &entries.items[disk.open.items[i]]);
    for (size_t i = 0; i < names.len; i++)
        slv_vec_push(&paths, names.keys[i]);
    if (paths.len > 1) /* folders before what is in them */
        qsort(paths.items, paths.len, sizeof paths.items[0], by_path);
    for (size_t i = 0; ok && i < paths.len; i++) {
        const inode *file = &disk.inodes.items[*slv_map_get(&names, paths.items[i])];
        char *slash;

        (void)snprintf(path, sizeof path, "%s/%.*s", to, SLV_STR_ARGS(paths.items[i]));
        slash = strrchr(path, '/');
        *slash = '\0';
        bool lost = access(path, F_OK) != 0; /* with the folder that it was in */
        *slash = '/';
        if (!lost)
            ok = file->dir ? mkdir(path, 0700) == 0 : lay_out(file, prng, path);
    }
    slv_vec_done(&paths);
    slv_map_done(&names);
    return ok;
}
