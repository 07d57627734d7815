/*
 * r2_int.h - what the files of the bucket share.
 *
 *     r2.c        files, schema, settings, errors
 *     object.c    head, get, put, delete
 *     cond.c      conditions, ranges, names
 *     list.c      pages of keys
 *     multipart.c uploads in parts
 *     upload.c    content on its way in
 *     reader.c    content on its way out
 *     sweep.c     what is due by itself
 *     lifecycle.c what is due by rules
 *     rules.c     locks, and what is told of changes
 */
#ifndef SLV_R2_R2_INT_H
#define SLV_R2_R2_INT_H

#include <pthread.h>

#include "base/list.h"
#include "base/vec.h"
#include "fmt/seal.h"
#include "r2/r2.h"
#include "store/blob.h"

/* A reader that began before content became garbage may still need it; what runs between a row's
 * read and the reader's entry in the list is covered by this. */
#define SLV_R2_GRACE_MS INT64_C(10000)

struct slv_r2_files {
    slv_list node; /* of all in this process */
    char *dir;
    slv_blobs *blobs;
    int64_t since_ms; /* files older than this, and named by nothing, are nobody's */
    bool swept;       /* they were looked for */
    unsigned refs;
    slv_list readers; /* slv_r2_reader.node */
    /* lifecycle.c, on the writer's strand alone: when the rules are looked at next, and where */
    int64_t lifecycle_ms;
    slv_buf lifecycle_at;
};

struct slv_r2 {
    slv_db *db;
    slv_r2_files *files;
};

/* Where content is: SQL value `body` of a row. */
typedef struct slv_r2_place {
    bool row, file;
    int64_t id; /* row: in bodies */
    slv_blob_id blob;
} slv_r2_place;

void slv_r2_place_get(sqlite3_stmt *st, int column, slv_r2_place *ret);
void slv_r2_place_bind(sqlite3_stmt *st, int i, const slv_r2_place *place);
/* Content that a row lets go of. */
slv_code slv_r2_place_drop(slv_r2 *r2, const slv_r2_place *place, int64_t now_ms, slv_err *err);
/* The bytes of a place in bodies, into the arena. */
slv_code slv_r2_place_bytes(slv_r2 *r2, const slv_r2_place *place, slv_arena *arena, slv_str *ret,
                            slv_err *err);

/* Lets go of an object's content, and of its parts. */
slv_code slv_r2_parts_drop(slv_r2 *r2, slv_str upload, int64_t now_ms, slv_err *err);

/* Puts the content of a finished upload where a row can name it. */
slv_code slv_r2_upload_place(slv_r2_upload *up, slv_r2 *r2, slv_r2_place *ret, slv_err *err);
void slv_r2_upload_taken(slv_r2_upload *up);
/* {"md5":...} of what was computed. */
slv_code slv_r2_upload_checksums(const slv_r2_upload *up, slv_arena *arena, slv_str *ret);
slv_str slv_r2_upload_ssec(const slv_r2_upload *up); /* hex; empty: none */

/* The checksum of an object from those of its parts: checksum.c. Zeroed it may be given to done. */
typedef struct slv_r2_joint {
    const char *name; /* as in JSON */
    slv_sum_kind kind;
    bool full;  /* of all bytes; else of the parts' checksums */
    bool whole; /* every part that came had one */
    uint32_t count;
    slv_sum sum;
    uint8_t value[SLV_SUM_MAX];
} slv_r2_joint;
/* sum_name: of the upload; an unknown one makes nothing. */
void slv_r2_joint_init(slv_r2_joint *j, slv_str sum_name);
void slv_r2_joint_done(slv_r2_joint *j);
SLV_DEFINE_CLEANUP_DONE(slv_r2_joint, slv_r2_joint_done);
/* The next part, in order. */
void slv_r2_joint_add(slv_r2_joint *j, slv_str checksums, uint64_t size);
/* Once: {"crc32":hex}, {"parts":"3","parts-sha256":hex}, or empty when a part had none. */
slv_code slv_r2_joint_json(slv_r2_joint *j, slv_arena *arena, slv_str *ret);

/* The columns of an object, in this order from 0. */
#define SLV_R2_COLUMNS                                                                             \
    "key,version,size,etag,uploaded,class,http,custom,checksums,ssec,parts,upload,body"
slv_code slv_r2_row_get(sqlite3_stmt *st, slv_arena *arena, slv_r2_object *ret);
/* Writes the row in place of the one there was, whose content it drops. */
slv_code slv_r2_row_put(slv_r2 *r2, const slv_r2_object *o, slv_str upload,
                        const slv_r2_place *place, int64_t now_ms, slv_err *err);
/* NO_SUCH_KEY. */
slv_code slv_r2_row_find(slv_r2 *r2, slv_str key, slv_arena *arena, slv_r2_object *ret,
                         slv_str *ret_upload, slv_r2_place *ret_place, slv_err *err);
void slv_r2_random_hex(char out[33]);

/* A piece of content: all of it, or one part. */
typedef struct slv_r2_piece {
    slv_r2_place place;
    uint64_t size;
    char *bytes; /* of a place in bodies; owned */
} slv_r2_piece;
slv_r2_reader *slv_r2_reader_new(slv_r2_files *files, const uint8_t *ssec_key, int64_t now_ms);
/* Takes piece->bytes. */
void slv_r2_reader_add(slv_r2_reader *r, const slv_r2_piece *piece);
/* From here on only these bytes; opens the first file. */
slv_code slv_r2_reader_start(slv_r2_reader *r, uint64_t offset, uint64_t length, slv_err *err);

/* A piece of what the rules of the bucket ask for. */
slv_code slv_r2_lifecycle_(slv_r2 *r2, int64_t now_ms, int64_t *next_ms, slv_err *err);
/* LOCKED when a rule of the bucket keeps the object that is there. */
slv_code slv_r2_check_lock_(slv_r2 *r2, slv_str key, int64_t now_ms, slv_err *err);
slv_code slv_r2_locked_(slv_r2 *r2, slv_str key, int64_t now_ms, bool *ret, slv_err *err);
typedef struct slv_r2_event {
    const char *action;
    slv_str key;
    const slv_r2_object *object; /* NULL: it is gone */
    slv_str from_bucket, from_key;
    int64_t now_ms;
} slv_r2_event;
slv_code slv_r2_note_(slv_r2 *r2, const slv_r2_event *event, slv_err *err);
/* The bucket was opened: events that were left are told of. */
slv_code slv_r2_remember_(slv_r2 *r2, slv_err *err);
/* slv_r2_delete for whoever says what it is. */
slv_code slv_r2_remove_(slv_r2 *r2, slv_str key, const char *action, int64_t now_ms,
                        bool *ret_existed, slv_err *err);
void slv_r2_files_lock(void);
void slv_r2_files_unlock(void);
struct slv_r2_reader {
    slv_list node; /* files->readers */
    int64_t since_ms;
    slv_r2_files *files;
    SLV_VEC(slv_r2_piece) pieces;
    size_t at;       /* piece */
    uint64_t within; /* offset in it */
    uint64_t left;
    int fd; /* of the piece; -1 */
    bool sealed;
    uint8_t key[SLV_SEAL_KEY];
    slv_seal seal;      /* of the piece */
    uint64_t chunk;     /* that `plain` holds; UINT64_MAX: none */
    slv_buf plain, raw; /* sealed content: a chunk, and as it is stored */
    bool piece_open;
};

#endif
