/*
 * code_file.h - the code of a version: one file, named by its content, that running versions map.
 *
 * It holds what an isolate is started with (script, source map, modules) and, behind that, the
 * modules as they were uploaded, for whoever asks for them again. It lies at
 * STATE/v1/<account>/versions/<64 hexadecimal digits: SHA-256 of the file> and never changes; the
 * form is docs/formats/version.md.
 *
 * Threading: a file that is open never changes and is used by any thread. Everything here but the
 * functions on an open file blocks on the disk.
 *
 * Limits: SLV_CODE_FILE_MAX bytes, SLV_CODE_PARTS_MAX parts.
 * Errors: SLV_E_NOTFOUND; SLV_E_PARSE: torn or damaged; SLV_E_LIMIT; SLV_E_IO.
 */
#ifndef SLV_HOST_CODE_FILE_H
#define SLV_HOST_CODE_FILE_H

#include "base/buf.h"
#include "plat/version.h"

#define SLV_CODE_NAME ((size_t)64)
#define SLV_CODE_FILE_MAX ((size_t)1 << 30)
#define SLV_CODE_PARTS_MAX 20000u

typedef enum slv_code_kind {
    SLV_CODE_SCRIPT = 1, /* exactly one; name: of the main module */
    SLV_CODE_MAP,        /* source map of the script; one at most */
    SLV_CODE_MODULE,     /* of the version; type: slv_module_type */
    SLV_CODE_UPLOAD,     /* as it came; name: of the part; note: its Content-Type */
} slv_code_kind;

enum {
    SLV_CODE_SERVICE_WORKER = 1, /* flag of the script */
};

typedef struct slv_code_part {
    slv_code_kind kind;
    uint8_t type;  /* of a module */
    uint8_t flags; /* of the script */
    slv_str name, note, bytes;
} slv_code_part;

typedef struct slv_code_file slv_code_file;

/* The file's text: parts in that order. SLV_E_LIMIT. */
SLV_NODISCARD slv_code slv_code_file_put(const slv_code_part *parts, size_t count, slv_buf *out,
                                         slv_err *err);
/* Writes it under its name, which ret_name gets, durable; what is there already stays. */
SLV_NODISCARD slv_code slv_code_file_write(const char *state_dir, slv_str account, slv_str text,
                                           char ret_name[SLV_CODE_NAME + 1], slv_err *err);

/* Maps a file and checks its table; verify: its content too, all of which is read then. */
SLV_NODISCARD slv_code slv_code_file_open(const char *state_dir, slv_str account, slv_str name,
                                          bool verify, slv_code_file **ret, slv_err *err);
/* The same of a text that is kept by the caller for as long. */
SLV_NODISCARD slv_code slv_code_file_parse(slv_str text, bool verify, slv_code_file **ret,
                                           slv_err *err);
slv_code_file *slv_code_file_ref(slv_code_file *f);
/* Accepts NULL, returns NULL. */
slv_code_file *slv_code_file_unref(slv_code_file *f);
SLV_DEFINE_CLEANUP(slv_code_file *, slv_code_file_unref);
/* Parts in order; they live as long as a reference. */
size_t slv_code_file_count(const slv_code_file *f);
const slv_code_part *slv_code_file_part(const slv_code_file *f, size_t i);
/* NULL: there is none of that kind. */
const slv_code_part *slv_code_file_first(const slv_code_file *f, slv_code_kind kind);
/* Its pages may leave memory until they are needed again. */
void slv_code_file_cool(slv_code_file *f);

/* Removes files of the account, and what writing them has left, that are older than before_ms
 * (milliseconds since 1970) and that `named` says no to. */
SLV_NODISCARD slv_code slv_code_file_sweep(const char *state_dir, slv_str account,
                                           int64_t before_ms,
                                           bool (*named)(void *arg, slv_str name), void *arg,
                                           slv_err *err);

#endif
