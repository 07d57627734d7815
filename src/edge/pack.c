#include "edge/pack_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "assets/pack.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"

#define PATH_BYTES ((size_t)16 << 10)
#define KEPT_S (14 * 86400)
#define NICE 19

typedef enum known_state { ASKED, KNOWN } known_state;

typedef struct known {
    uint8_t state, have;
} known;

/* A file that waits. */
typedef struct wish {
    struct wish *next;
    char *file, *base; /* base: of the packed forms, without their suffixes */
} wish;

struct slv_packer {
    char *dir;
    atomic_bool stop;
    pthread_mutex_t lock; /* held for what follows */
    pthread_cond_t more;
    SLV_MAP(known) forms; /* by base */
    wish *first, **last;
    pthread_t thread;
    bool running;
};

static slv_code base_of(const slv_packer *p, const slv_asset *asset, bool immutable, slv_buf *out)
{
    if (immutable)
        return slv_buf_append(out, asset->file);
    return slv_buf_printf(out, "%s/%s", p->dir, asset->etag);
}

slv_code slv_packer_path(const slv_packer *p, const slv_asset *asset, bool immutable,
                         slv_coding coding, slv_buf *out)
{
    SLV_TRY(base_of(p, asset, immutable, out));
    return slv_buf_append(out, slv_coding_suffix(coding));
}

/* ---- the thread ---- */

static void sweep(const slv_packer *p)
{
    DIR *list = opendir(p->dir);
    const struct dirent *e;
    time_t oldest = time(NULL) - KEPT_S;
    struct stat st;

    while (list && (e = readdir(list)))
        if (fstatat(dirfd(list), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            st.st_mtim.tv_sec < oldest)
            (void)unlinkat(dirfd(list), e->d_name, 0);
    if (list)
        closedir(list);
}

static bool make(const slv_packer *p, const wish *w, slv_coding coding)
{
    SLV_CLEANUP(slv_buf_done) slv_buf to = SLV_BUF(PATH_BYTES);
    slv_err err = {0};
    uint64_t size;
    slv_code code;

    if (slv_buf_printf(&to, "%s", w->base) != SLV_OK ||
        slv_buf_append(&to, slv_coding_suffix(coding)) != SLV_OK)
        return false;
    if (slv_file_exists(slv_buf_cstr(&to)))
        return true;
    code = slv_pack_file(w->file, slv_buf_cstr(&to), coding, &p->stop, &size, &err);
    if (code == SLV_E_IO)
        slv_log(SLV_LOG_DEBUG, "%s", slv_err_text(&err)); /* it goes out as it is */
    return code == SLV_OK;
}

static void wish_free(wish *w)
{
    free(w->file);
    free(w->base);
    free(w);
}

static void *run(void *arg)
{
    slv_packer *p = arg;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    (void)mkdir(p->dir, 0700);
    sweep(p);
    pthread_mutex_lock(&p->lock);
    while (!atomic_load(&p->stop)) {
        wish *w = p->first;
        known k = {.state = KNOWN};

        if (!w) {
            pthread_cond_wait(&p->more, &p->lock);
            continue;
        }
        p->first = w->next;
        if (!p->first)
            p->last = &p->first;
        pthread_mutex_unlock(&p->lock);
        for (int c = SLV_CODING_GZIP; c < SLV_CODINGS; c++)
            if (make(p, w, (slv_coding)c))
                k.have |= (uint8_t)(1u << c);
        pthread_mutex_lock(&p->lock);
        slv_map_set(&p->forms, slv_str_from(w->base), k);
        wish_free(w);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- what is there ---- */

/* With the lock. */
static void ask_for(slv_packer *p, const slv_asset *asset, slv_str base)
{
    const known asked = {.state = ASKED};
    wish *w;

    if (p->forms.len >= SLV_PACK_KNOWN_MAX)
        return;
    if (!p->running && pthread_create(&p->thread, NULL, run, p) != 0)
        return;
    p->running = true;
    w = slv_new0(wish);
    w->file = slv_strndup(asset->file.ptr, asset->file.len);
    w->base = slv_strndup(base.ptr, base.len);
    *p->last = w;
    p->last = &w->next;
    slv_map_set(&p->forms, base, asked);
    pthread_cond_signal(&p->more);
}

unsigned slv_packer_have(slv_packer *p, const slv_asset *asset, bool immutable)
{
    SLV_CLEANUP(slv_buf_done) slv_buf base = SLV_BUF(PATH_BYTES);
    const known *k;
    unsigned have = 0;

    if (base_of(p, asset, immutable, &base) != SLV_OK)
        return 0;
    pthread_mutex_lock(&p->lock);
    k = slv_map_get(&p->forms, slv_buf_view(&base));
    if (!k)
        ask_for(p, asset, slv_buf_view(&base));
    else if (k->state == KNOWN)
        have = k->have;
    pthread_mutex_unlock(&p->lock);
    return have;
}

void slv_packer_lost(slv_packer *p, const slv_asset *asset, bool immutable)
{
    SLV_CLEANUP(slv_buf_done) slv_buf base = SLV_BUF(PATH_BYTES);

    if (base_of(p, asset, immutable, &base) != SLV_OK)
        return;
    pthread_mutex_lock(&p->lock);
    (void)slv_map_remove(&p->forms, slv_buf_view(&base));
    pthread_mutex_unlock(&p->lock);
}

/* ---- life ---- */

slv_packer *slv_packer_new(const char *dir)
{
    slv_packer *p = slv_new0(slv_packer);

    p->dir = slv_strdup(dir);
    p->last = &p->first;
    atomic_init(&p->stop, false);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    return p;
}

slv_packer *slv_packer_free(slv_packer *p)
{
    wish *w;

    if (!p)
        return NULL;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, true);
    pthread_cond_signal(&p->more);
    pthread_mutex_unlock(&p->lock);
    if (p->running)
        pthread_join(p->thread, NULL);
    while ((w = p->first)) {
        p->first = w->next;
        wish_free(w);
    }
    slv_map_done(&p->forms);
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
    free(p->dir);
    free(p);
    return NULL;
}
