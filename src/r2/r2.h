/*
 * r2.h - one bucket: keys to objects with metadata, whole or in parts, conditions and ranges.
 *
 * Rows live in PATH.sqlite (docs/formats/r2.md); content up to SLV_R2_INLINE_MAX too, larger
 * content in files below PATH.blobs. An object of several parts is the list of their contents:
 * completing an upload copies nothing. Content that nothing names any more is noted as garbage in
 * the transaction that let go of it, and removed by slv_r2_sweep once no reader can hold it.
 *
 * Writing: fill a slv_r2_upload (it blocks on disk, on any one thread at a time, outside of
 * transactions), finish it, then give it to slv_r2_put or slv_r2_part_put inside one. Reading:
 * slv_r2_get answers with the bytes themselves or with a slv_r2_reader.
 *
 * Threading: a slv_r2 is used by one strand at a time; a slv_r2_files by any thread; an upload or a
 * reader by one thread at a time. Time is passed in.
 *
 * Errors that a client may see are R2's own: err->detail is their number (enum slv_r2_error),
 * err->message their text. Limits below; they are R2's.
 */
#ifndef SLV_R2_R2_H
#define SLV_R2_R2_H

#include "base/arena.h"
#include "base/buf.h"
#include "fmt/sum.h"
#include "store/db.h"

#define SLV_R2_KEY_MAX ((size_t)1024)
#define SLV_R2_METADATA_MAX ((size_t)2048)     /* custom metadata, by a binding */
#define SLV_R2_METADATA_S3_MAX ((size_t)8192)  /* and through S3 */
#define SLV_R2_PART_MAX (UINT64_C(5363466240)) /* one upload or part: 5 GiB - 5 MiB */
#define SLV_R2_PART_MIN ((uint64_t)5 << 20)    /* every part but the last */
#define SLV_R2_PARTS_MAX 10000u
#define SLV_R2_LIST_MAX 1000u
#define SLV_R2_DELETE_MAX 1000u
#define SLV_R2_LIST_BYTES ((size_t)4 << 20) /* a page ends behind so much of keys and metadata */
#define SLV_R2_INLINE_MAX ((size_t)64 << 10)
#define SLV_R2_UPLOAD_LIFE_MS (INT64_C(7) * 24 * 3600 * 1000)
#define SLV_R2_UPLOAD_ID_MAX ((size_t)64)

/* Number, S3's name, HTTP status, text. */
#define SLV_R2_ERRORS(X)                                                                           \
    X(INTERNAL, 10001, InternalError, 500, "We encountered an internal error. Please try again.")  \
    X(NO_SUCH_BUCKET, 10006, NoSuchBucket, 404, "The specified bucket does not exist.")            \
    X(NO_SUCH_KEY, 10007, NoSuchKey, 404, "The specified key does not exist.")                     \
    X(TOO_SMALL, 10011, EntityTooSmall, 400,                                                       \
      "Your proposed upload is smaller than the minimum allowed object size.")                     \
    X(METADATA_TOO_LARGE, 10012, MetadataTooLarge, 400,                                            \
      "Your metadata headers exceed the maximum allowed metadata size.")                           \
    X(BAD_NAME, 10020, InvalidObjectName, 400, "The specified object name is not valid.")          \
    X(BAD_MAX_KEYS, 10022, InvalidMaxKeys, 400,                                                    \
      "MaxKeys params must be positive integer <= 1000.")                                          \
    X(NO_SUCH_UPLOAD, 10024, NoSuchUpload, 404, "The specified multipart upload does not exist.")  \
    X(BAD_PART, 10025, InvalidPart, 400, "One or more of the specified parts could not be found.") \
    X(BAD_ARGUMENT, 10029, InvalidArgument, 400, "Invalid Argument")                               \
    X(PRECONDITION, 10031, PreconditionFailed, 412,                                                \
      "At least one of the pre-conditions you specified did not hold.")                            \
    X(BAD_DIGEST, 10037, BadDigest, 400,                                                           \
      "The checksum you specified did not match what we received.")                                \
    X(BAD_RANGE, 10039, InvalidRange, 416, "The requested range is not satisfiable")               \
    X(BAD_UPLOAD, 10048, BadUpload, 500, "There was a problem with the multipart upload.")         \
    X(INCOMPLETE, 10049, IncompleteBody, 400,                                                      \
      "You did not provide the number of bytes specified by the Content-Length HTTP header.")      \
    X(NEEDS_KEY, 10064, InvalidRequest, 400,                                                       \
      "The object was stored using a form of Server Side Encryption. The correct parameters must " \
      "be provided to retrieve the object.")                                                       \
    X(WRONG_KEY, 10065, AccessDenied, 403,                                                         \
      "The provided encryption key does not match the one the object was stored with.")            \
    X(LOCKED, 10069, ObjectLockedByBucketPolicy, 409,                                              \
      "The object is locked by the bucket policy.")                                                \
    X(TOO_LARGE, 100100, EntityTooLarge, 400,                                                      \
      "Your proposed upload exceeds the maximum allowed object size.")

typedef enum slv_r2_error {
#define X(name, number, s3, status, text) SLV_R2_##name = number,
    SLV_R2_ERRORS(X)
#undef X
} slv_r2_error;

/* Fills err: detail, text, and the nearest slv_code, which it returns. */
slv_code slv_r2_fail(slv_err *err, slv_r2_error error);
/* The number to show for any failure: its own, or INTERNAL's. */
int slv_r2_error_number(const slv_err *err);
/* "NoSuchKey", 404: by number; INTERNAL's for others. */
const char *slv_r2_error_name(int number);
int slv_r2_error_status(int number);
const char *slv_r2_error_text(int number);

typedef struct slv_r2 slv_r2;
typedef struct slv_r2_files slv_r2_files;
typedef struct slv_r2_upload slv_r2_upload;
typedef struct slv_r2_reader slv_r2_reader;

/* path: without suffix. SLV_E_NOTFOUND: absent, and create is false. */
SLV_NODISCARD slv_code slv_r2_open(const char *path, bool create, bool read_only, int64_t now_ms,
                                   slv_r2 **ret, slv_err *err);
/* Accepts NULL, returns NULL. */
slv_r2 *slv_r2_free(slv_r2 *r2);
SLV_DEFINE_CLEANUP(slv_r2 *, slv_r2_free);
slv_db *slv_r2_db(slv_r2 *r2);
/* The bucket's content files, one object in a process whatever is open; counted. */
slv_r2_files *slv_r2_files_of(slv_r2 *r2); /* a new reference */
/* The same from outside of a call: path as slv_r2_open takes it. Blocks. */
SLV_NODISCARD slv_code slv_r2_files_open(const char *path, int64_t now_ms, slv_r2_files **ret,
                                         slv_err *err);
slv_r2_files *slv_r2_files_ref(slv_r2_files *files);
slv_r2_files *slv_r2_files_unref(slv_r2_files *files); /* accepts NULL, returns NULL */
SLV_DEFINE_CLEANUP(slv_r2_files *, slv_r2_files_unref);

/* ---- objects ---- */

typedef enum slv_r2_class {
    SLV_R2_CLASS_DEFAULT, /* none was named */
    SLV_R2_CLASS_STANDARD,
    SLV_R2_CLASS_INFREQUENT,
} slv_r2_class;
/* "", "Standard", "InfrequentAccess". */
const char *slv_r2_class_name(slv_r2_class c);
/* False: no such class. */
bool slv_r2_class_parse(slv_str name, slv_r2_class *ret);

/* Strings live in the arena given. */
typedef struct slv_r2_object {
    slv_str key, version; /* 32 hex digits */
    slv_str etag;         /* without quotes */
    slv_str http;         /* JSON {"contentType":..., "cacheExpiry": ms}; empty: none */
    slv_str custom;       /* JSON {name: value}; empty: none */
    slv_str checksums;    /* JSON {"md5": hex, "sha1": ..., "crc32": ...}, of checksums of parts
                             {"parts": "3", "parts-sha256": hex}; empty: none */
    slv_str ssec_md5;     /* hex; empty: not encrypted */
    uint64_t size;
    int64_t uploaded_ms;
    slv_r2_class class;
    uint32_t parts; /* 0: stored whole */
} slv_r2_object;

/* Entity tags are given as text, one on each line: "*", "S" and a strong one, "W" and a weak one.
 */
typedef struct slv_r2_cond {
    bool has_match, has_none, has_before, has_after;
    bool seconds; /* times are compared in whole seconds */
    slv_str match, none;
    int64_t before_ms, after_ms; /* uploadedBefore, uploadedAfter */
} slv_r2_cond;
/* object NULL: there is none. As RFC 9110 §13, with R2's forgiveness between tags and times. */
bool slv_r2_cond_holds(const slv_r2_cond *cond, const slv_r2_object *object);
/* Appends the text form of an If-Match or If-None-Match field. False: malformed. */
bool slv_r2_cond_tags(slv_str field, slv_buf *out);

typedef enum slv_r2_range_kind {
    SLV_R2_RANGE_NONE,
    SLV_R2_RANGE_OFFSET, /* offset and, with has_length, length */
    SLV_R2_RANGE_SUFFIX, /* the last `length` bytes */
    SLV_R2_RANGE_HEADER, /* text of a Range field */
} slv_r2_range_kind;
typedef struct slv_r2_range {
    slv_r2_range_kind kind;
    bool has_length;
    bool strict; /* a field that names one range beyond the end is BAD_RANGE, as in HTTP */
    uint64_t offset, length;
    slv_str header;
} slv_r2_range;
/* BAD_RANGE. *ret_partial: less than the whole was asked for. */
SLV_NODISCARD slv_code slv_r2_range_resolve(const slv_r2_range *range, uint64_t size,
                                            uint64_t *ret_offset, uint64_t *ret_length,
                                            bool *ret_partial, slv_err *err);

/* At most SLV_R2_KEY_MAX bytes of UTF-8, else BAD_NAME. */
SLV_NODISCARD slv_code slv_r2_check_key(slv_str key, slv_err *err);

/* NO_SUCH_KEY; PRECONDITION, with *ret filled. cond may be NULL. */
SLV_NODISCARD slv_code slv_r2_head(slv_r2 *r2, slv_str key, const slv_r2_cond *cond,
                                   slv_arena *arena, slv_r2_object *ret, slv_err *err);

typedef struct slv_r2_get_options {
    const slv_r2_cond *cond; /* NULL: none */
    slv_r2_range range;
    const uint8_t *ssec_key; /* SLV_SEAL_KEY bytes; NULL: none */
    bool rows_only;          /* SLV_E_AGAIN when a file would have to be opened */
    uint32_t part;           /* only this part (S3's partNumber); 0: all */
    int64_t now_ms;
} slv_r2_get_options;
typedef struct slv_r2_found {
    slv_r2_object object;
    uint64_t offset, length; /* what is given of it */
    bool partial;
    slv_str bytes;         /* all `length` of them, in the arena, when reader is NULL */
    slv_r2_reader *reader; /* the caller's */
} slv_r2_found;
/* As head; BAD_RANGE; NEEDS_KEY, WRONG_KEY. */
SLV_NODISCARD slv_code slv_r2_get(slv_r2 *r2, slv_str key, const slv_r2_get_options *options,
                                  slv_arena *arena, slv_r2_found *ret, slv_err *err);

/* Up to max bytes; *ret_n 0: the end. SLV_E_IO; WRONG_KEY for content that does not authenticate.
 */
SLV_NODISCARD slv_code slv_r2_reader_read(slv_r2_reader *r, void *out, size_t max, size_t *ret_n,
                                          slv_err *err);
/* What is left when it is a run of one plain file: that descriptor, the caller's then; the reader
 * is at its end. False: it is not. */
bool slv_r2_reader_take_file(slv_r2_reader *r, int *ret_fd, uint64_t *ret_offset,
                             uint64_t *ret_length);
uint64_t slv_r2_reader_left(const slv_r2_reader *r);
slv_r2_reader *slv_r2_reader_free(slv_r2_reader *r); /* accepts NULL, returns NULL */
SLV_DEFINE_CLEANUP(slv_r2_reader *, slv_r2_reader_free);

typedef struct slv_r2_upload_options {
    uint32_t sums;           /* kinds to compute beside MD5: bit 1 << slv_sum_kind */
    uint32_t checks;         /* the same, but not kept with the object */
    const uint8_t *ssec_key; /* copied; NULL: none */
} slv_r2_upload_options;
slv_r2_upload *slv_r2_upload_new(slv_r2_files *files, const slv_r2_upload_options *options);
/* TOO_LARGE past SLV_R2_PART_MAX. */
SLV_NODISCARD slv_code slv_r2_upload_write(slv_r2_upload *up, slv_str bytes, slv_err *err);
/* What the sum of that kind (MD5, or one of options.sums) must be; copied. Before finish. */
void slv_r2_upload_expect(slv_r2_upload *up, slv_sum_kind kind, slv_str sum);
/* The content is complete and durable. BAD_DIGEST. */
SLV_NODISCARD slv_code slv_r2_upload_finish(slv_r2_upload *up, slv_err *err);
uint64_t slv_r2_upload_size(const slv_r2_upload *up);
/* After finish: the bytes of a sum that was computed; borrowed. Empty: it was not. */
slv_str slv_r2_upload_sum(const slv_r2_upload *up, slv_sum_kind kind);
/* Removes the content unless an object has it now. Accepts NULL, returns NULL. */
slv_r2_upload *slv_r2_upload_free(slv_r2_upload *up);
SLV_DEFINE_CLEANUP(slv_r2_upload *, slv_r2_upload_free);

typedef struct slv_r2_put_options {
    slv_str http, custom; /* as in slv_r2_object */
    size_t metadata_max;  /* 0: SLV_R2_METADATA_MAX */
    slv_r2_class class;
    const slv_r2_cond *cond;       /* NULL: none */
    slv_str ssec_md5;              /* for slv_r2_multipart_create; an upload knows its own */
    slv_str sum_name;              /* the same: "crc32", or "full:crc32" for one of all bytes */
    slv_str from_bucket, from_key; /* of which it is a copy; empty: of none */
    int64_t now_ms;
} slv_r2_put_options;
/* Stores a finished upload under the key. PRECONDITION, METADATA_TOO_LARGE, BAD_NAME. */
SLV_NODISCARD slv_code slv_r2_put(slv_r2 *r2, slv_str key, slv_r2_upload *up,
                                  const slv_r2_put_options *options, slv_arena *arena,
                                  slv_r2_object *ret, slv_err *err);
/* UTF-16 units of names and values, doubled for those with characters from U+0100 on. */
SLV_NODISCARD slv_code slv_r2_check_metadata(slv_str custom_json, size_t max, slv_err *err);

/* Absent is fine. *ret_existed may be NULL. */
SLV_NODISCARD slv_code slv_r2_delete(slv_r2 *r2, slv_str key, int64_t now_ms, bool *ret_existed,
                                     slv_err *err);

typedef struct slv_r2_list_options {
    slv_str prefix, delimiter; /* delimiter empty: none */
    slv_str start_after;       /* ptr NULL: none */
    slv_str cursor;            /* of the page before; ptr NULL: none */
    bool after_prefix;         /* start_after is a folded prefix: skip all of it */
    uint32_t limit;            /* 0: SLV_R2_LIST_MAX */
    bool http, custom;         /* fill them in */
} slv_r2_list_options;
typedef struct slv_r2_list_to {
    void *arg;
    /* In order of keys; borrowed for the call. */
    slv_code (*object)(void *arg, const slv_r2_object *object);
    slv_code (*prefix)(void *arg, slv_str prefix);
} slv_r2_list_to;
/* BAD_MAX_KEYS. Appends the next page's cursor; nothing when this is the last. */
SLV_NODISCARD slv_code slv_r2_list(slv_r2 *r2, const slv_r2_list_options *options,
                                   const slv_r2_list_to *to, slv_buf *ret_cursor, slv_err *err);

/* ---- uploads in parts ---- */

SLV_NODISCARD slv_code slv_r2_multipart_create(slv_r2 *r2, slv_str key,
                                               const slv_r2_put_options *options, slv_buf *ret_id,
                                               slv_err *err);
/* NO_SUCH_UPLOAD unless it is open. ssec_md5 and sum_name of its options; either may be NULL. */
SLV_NODISCARD slv_code slv_r2_multipart_check(slv_r2 *r2, slv_str key, slv_str id, slv_arena *arena,
                                              slv_str *ret_ssec_md5, slv_str *ret_sum_name,
                                              slv_err *err);
/* Takes the place of a part of that number. Its etag is its MD5 (in hex, 32 digits). */
SLV_NODISCARD slv_code slv_r2_part_put(slv_r2 *r2, slv_str key, slv_str id, uint32_t number,
                                       slv_r2_upload *up, int64_t now_ms, char ret_etag[33],
                                       slv_err *err);
typedef struct slv_r2_part {
    uint32_t number;
    slv_str etag;
    slv_str sum;   /* to complete: what the upload's checksum of it must be, in hex; empty: any */
    uint64_t size; /* listings only, like the following */
    int64_t uploaded_ms;
    slv_str checksums;
} slv_r2_part;
/* Parts in any order. INTERNAL for a number named twice, BAD_PART, TOO_SMALL, BAD_UPLOAD.
 * checksums: JSON that must come out for the whole, else BAD_DIGEST; empty: any. */
SLV_NODISCARD slv_code slv_r2_multipart_complete(slv_r2 *r2, slv_str key, slv_str id,
                                                 const slv_r2_part *parts, size_t count,
                                                 const slv_r2_cond *cond, slv_str checksums,
                                                 int64_t now_ms, slv_arena *arena,
                                                 slv_r2_object *ret, slv_err *err);
/* An upload that is over already is fine; NO_SUCH_UPLOAD when there never was one. */
SLV_NODISCARD slv_code slv_r2_multipart_abort(slv_r2 *r2, slv_str key, slv_str id, int64_t now_ms,
                                              slv_err *err);
/* Parts numbered above `after`, in order, `max` at most; then *ret_more. */
SLV_NODISCARD slv_code slv_r2_parts_list(slv_r2 *r2, slv_str key, slv_str id, uint32_t after,
                                         uint32_t max, void *arg,
                                         slv_code (*each)(void *arg, const slv_r2_part *part),
                                         bool *ret_more, slv_err *err);
typedef struct slv_r2_pending {
    slv_str key, id;
    int64_t began_ms;
    slv_r2_class class;
} slv_r2_pending;
/* Open uploads of keys that begin with prefix, above (key, id) `after`, in that order. */
SLV_NODISCARD slv_code slv_r2_multipart_list(slv_r2 *r2, slv_str prefix, slv_str after_key,
                                             slv_str after_id, uint32_t max, void *arg,
                                             slv_code (*each)(void *arg, const slv_r2_pending *p),
                                             bool *ret_more, slv_err *err);

/* ---- the bucket ---- */

/* Named texts of the bucket: "created" (ms), "location", "storageClass", "cors", "lifecycle",
 * "lock", "events", "domains", "public". *ret empty when it was never set. */
SLV_NODISCARD slv_code slv_r2_setting(slv_r2 *r2, const char *name, slv_arena *arena, slv_str *ret,
                                      slv_err *err);
/* value empty: removes. */
SLV_NODISCARD slv_code slv_r2_setting_set(slv_r2 *r2, const char *name, slv_str value,
                                          slv_err *err);
SLV_NODISCARD slv_code slv_r2_usage(slv_r2 *r2, uint64_t *ret_objects, uint64_t *ret_bytes,
                                    slv_err *err);

/* ---- events: what has changed, for queues (rules.c) ---- */

/* Told from inside of calls that write, and when a bucket is opened: there are events, which can be
 * taken once the call has ended. fn is called under a lock, on any thread, and must not call back.
 */
typedef void (*slv_r2_news)(void *arg, slv_str account, slv_str bucket);
void slv_r2_watch(slv_r2_news fn, void *arg); /* one for the process; NULL: nobody */

typedef struct slv_r2_pending_event {
    int64_t seq;
    slv_str queue, body; /* its name; JSON */
} slv_r2_pending_event;
/* The oldest `max`; they stay until they are done. Strings live in the arena. */
SLV_NODISCARD slv_code slv_r2_events_take(slv_r2 *r2, slv_arena *arena, slv_r2_pending_event *ret,
                                          size_t max, size_t *ret_count, slv_err *err);
/* Those of that queue from one number to another are in it. */
SLV_NODISCARD slv_code slv_r2_events_done(slv_r2 *r2, int64_t from, int64_t to, slv_str queue,
                                          slv_err *err);

/* Removes what is due: content that nothing names, uploads that nobody completed; a bounded piece.
 * *ret_next_ms: when to come again, 0: not before the next write. */
SLV_NODISCARD slv_code slv_r2_sweep(slv_r2 *r2, int64_t now_ms, int64_t *ret_next_ms, slv_err *err);

#endif
