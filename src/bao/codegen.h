/*
 * codegen.h - model classes from YAML definitions: a file for each model, a manifest that collects
 * them, and TypeScript declarations beside.
 *
 * Files whose text would stay the same are not touched, so that watchers stay quiet. Every text is
 * made before the first file is written: a failure leaves what was there. Threads: any; blocks on
 * the disk.
 *
 * Limits: SLV_YAML_MAX bytes for each definition, SLV_BAO_FILES_MAX files of definitions,
 * SLV_BAO_TEXT_MAX bytes of all that is made.
 */
#ifndef SLV_BAO_CODEGEN_H
#define SLV_BAO_CODEGEN_H

#include "bao/models.h"

#define SLV_BAO_FILES_MAX 1000
#define SLV_BAO_TEXT_MAX ((size_t)32 << 20)

/* Paths are absolute. */
typedef struct slv_bao_options {
    const char *definitions; /* a YAML file, or a directory of .yaml and .yml files */
    const char *out_dir;     /* made when absent */
    const char *fields_dir;  /* of own field classes; NULL: none */
    const char *manifest;    /* NULL: none */
    const char *package;     /* what the classes import from; NULL: "dynamo-bao" */
    bool esm;                /* else CommonJS */
    bool types;
    bool careful; /* files that no generator wrote are an error; those of another generator stay
                     while they are newer than the definitions */
    const char *shown_dir; /* paths in messages are relative to it; NULL: absolute */
} slv_bao_options;

typedef struct slv_bao_result {
    size_t models, written; /* files that changed */
    slv_buf problems;       /* lines "FILE:LINE:COL: what was expected" */
    slv_buf warnings;
} slv_bao_result;

void slv_bao_result_init(slv_bao_result *r);
void slv_bao_result_done(slv_bao_result *r);
SLV_DEFINE_CLEANUP_DONE(slv_bao_result, slv_bao_result_done);

/* SLV_E_PARSE: result->problems says where. SLV_E_NOTFOUND, SLV_E_EXISTS (see careful), SLV_E_IO,
 * SLV_E_LIMIT. */
SLV_NODISCARD slv_code slv_bao_codegen(const slv_bao_options *options, slv_bao_result *result,
                                       slv_err *err);

/* Where a project has its models: ./models.yaml, ./models, ./fields, ./.bao/models.js, or as its
 * dynamo-bao.config.js says (bao/config.h). Models are ES modules when it says so, when those that
 * are there are, or when package.json has "type": "module". */
typedef struct slv_bao_place {
    char *definitions, *out_dir, *fields_dir /* NULL: none */, *manifest;
    char *table, *region; /* NULL: not said */
    bool esm;
} slv_bao_place;

void slv_bao_place_find(const char *project_dir, slv_bao_place *ret);
void slv_bao_place_done(slv_bao_place *place);
SLV_DEFINE_CLEANUP_DONE(slv_bao_place, slv_bao_place_done);

/* The texts alone. */
typedef struct slv_bao_text_options {
    slv_str package;
    const char *fields_path; /* of own field classes, as seen from the models: "../fields" */
    bool esm;
} slv_bao_text_options;
SLV_NODISCARD slv_code slv_bao_model_text(const slv_bao_models *m, const slv_bao_model *model,
                                          const slv_bao_text_options *options, slv_buf *out);
SLV_NODISCARD slv_code slv_bao_model_types(const slv_bao_models *m, const slv_bao_model *model,
                                           const slv_bao_text_options *options, slv_buf *out);

#endif
