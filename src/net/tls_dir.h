/*
 * tls_dir.h - certificates from directories, read again when they change.
 *
 *     DIR/NAME.crt with DIR/NAME.key
 *     DIR/NAME/fullchain.pem with DIR/NAME/privkey.pem
 *
 * NAME is for people: whom a certificate is for is what it says itself. Of several for one name the
 * first directory's counts, then the one that is valid longest. A client that names no host, or one
 * that no certificate has, gets the default: NAME "default", else the certificate of
 * options.default_host, else the first of the names in order, else one made here that nobody
 * trusts.
 *
 * A pair that cannot be used is told once by `notice` (file and reason); what it replaced goes on.
 * Keys that others than owner and group may read, or that others than the owner may write, are
 * refused. Changes are seen by inotify, and by a look every SLV_TLS_DIR_LOOK_MS where links lead
 * elsewhere. Connections and sessions outlive a change.
 *
 * Loop thread only (the control loop's); reading blocks on the disk.
 * Limits: SLV_TLS_DIR_PAIRS_MAX pairs, files of 256 KiB.
 */
#ifndef SLV_NET_TLS_DIR_H
#define SLV_NET_TLS_DIR_H

#include "aio/loop.h"
#include "net/tls.h"

#define SLV_TLS_DIR_PAIRS_MAX 20000u
#define SLV_TLS_DIR_LOOK_MS 30000u

typedef struct slv_tls_dir slv_tls_dir;

typedef struct slv_tls_dir_options {
    slv_loop *loop;
    const slv_str *dirs; /* absolute, at least one; one that is missing is as if empty */
    size_t dir_count;
    slv_str default_host; /* may be empty */
    void (*notice)(void *user, slv_str text);
    /* Certificates have changed; may be NULL. */
    void (*changed)(void *user);
    void *user;
} slv_tls_dir_options;

/* Reads the directories. Pairs that cannot be used are notices, not errors. */
SLV_NODISCARD slv_code slv_tls_dir_open(const slv_tls_dir_options *options, slv_tls_dir **ret,
                                        slv_err *err);
/* The server of these certificates; lives as long. */
slv_tls_server *slv_tls_dir_server(slv_tls_dir *dir);
/* Looks for changes now. */
void slv_tls_dir_reload(slv_tls_dir *dir);
/* The certificate that a client asking for host gets, borrowed until the next change; NULL when it
 * would be the default. */
const slv_tls_cert *slv_tls_dir_find(const slv_tls_dir *dir, slv_str host);
size_t slv_tls_dir_count(const slv_tls_dir *dir); /* pairs in use */
/* After the last connection. Accepts NULL, returns NULL. */
slv_tls_dir *slv_tls_dir_free(slv_tls_dir *dir);
SLV_DEFINE_CLEANUP(slv_tls_dir *, slv_tls_dir_free);

#endif
