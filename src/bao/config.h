/*
 * config.h - where a project keeps its models, as its dynamo-bao.config.js says.
 *
 * The file is JavaScript and is not run: what is read are the string literals that end the values
 * of a few keys (modelsDir: path.resolve(__dirname, "./models")). What cannot be read this way is
 * as if it were not there. Threads: any.
 */
#ifndef SLV_BAO_CONFIG_H
#define SLV_BAO_CONFIG_H

#include "base/str.h"

#define SLV_BAO_CONFIG_MAX ((size_t)256 << 10)

/* Borrowed from the text; empty: not given. */
typedef struct slv_bao_config {
    slv_str definitions; /* paths.modelsDefinitionPath */
    slv_str models_dir, fields_dir, manifest;
    slv_str module_system; /* "esm", "commonjs" */
    slv_str table, region;
} slv_bao_config;

void slv_bao_config_scan(slv_str text, slv_bao_config *ret);

/* Names of such files, in the order in which they are looked for; NULL at the end. */
extern const char *const slv_bao_config_names[];

#endif
