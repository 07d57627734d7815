#include "bao/config.h"

const char *const slv_bao_config_names[] = {"dynamo-bao.config.js",
                                            "dynamo-bao.config.mjs",
                                            "dynamo-bao.config.cjs",
                                            ".dynamo-bao/config.js",
                                            ".dynamo-bao/config.mjs",
                                            "config.js",
                                            "config.mjs",
                                            "config.cjs",
                                            NULL};

static bool is_word(char c)
{
    return slv_is_alpha(c) || slv_is_digit(c) || c == '_' || c == '$';
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'' || c == '`';
}

/* Where the string that begins at `at` ends (its closing quote), or the text's end. */
static size_t string_end(slv_str text, size_t at)
{
    size_t i = at + 1;

    while (i < text.len && text.ptr[i] != text.ptr[at])
        i += text.ptr[i] == '\\' ? 2 : 1;
    return i < text.len ? i : text.len;
}

/* Where the comment that begins at `at` ends; at: there is none. */
static size_t comment_end(slv_str text, size_t at)
{
    slv_str rest = slv_str_skip(text, at);
    size_t end;

    if (slv_str_starts(rest, SLV_STR("//")))
        end = slv_str_chr(text, '\n', at);
    else if (slv_str_starts(rest, SLV_STR("/*")))
        end = slv_str_find(text, SLV_STR("*/"), at + 2);
    else
        return at;
    if (end == SIZE_MAX)
        return text.len;
    return text.ptr[end] == '*' ? end + 2 : end;
}

/* The last string of the value that begins at *at, which is moved behind the value. */
static slv_str last_string(slv_str text, size_t *at)
{
    slv_str found = SLV_STR_NULL;
    size_t i = *at, depth = 0;

    while (i < text.len) {
        size_t past = comment_end(text, i);
        char c = text.ptr[i];

        if (past > i) {
            i = past;
            continue;
        }
        if (is_quote(c)) {
            size_t end = string_end(text, i);

            found = slv_str_sub(text, i + 1, end);
            i = end + 1;
            continue;
        }
        if (c == '{' || (depth == 0 && (c == ',' || c == '}' || c == ';')))
            break; /* an object is no value of these keys */
        if (c == '(' || c == '[')
            depth++;
        else if (depth > 0 && (c == ')' || c == ']'))
            depth--;
        i++;
    }
    *at = i;
    return found;
}

static void take(slv_bao_config *c, slv_str key, slv_str value)
{
    const struct {
        const char *name;
        slv_str *into;
    } rows[] = {
        {"modelsDefinitionPath", &c->definitions},
        {"modelsDir", &c->models_dir},
        {"fieldsDir", &c->fields_dir},
        {"generatedModelsManifest", &c->manifest},
        {"moduleSystem", &c->module_system},
        {"tableName", &c->table},
        {"region", &c->region},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++)
        if (slv_str_is(key, rows[i].name) && value.len > 0)
            *rows[i].into = value;
}

void slv_bao_config_scan(slv_str text, slv_bao_config *ret)
{
    size_t i = 0;

    *ret = (slv_bao_config){0};
    if (text.len > SLV_BAO_CONFIG_MAX)
        return;
    while (i < text.len) {
        size_t past = comment_end(text, i), start = i;
        slv_str key;

        if (past > i) {
            i = past;
            continue;
        }
        if (is_quote(text.ptr[i])) {
            size_t end = string_end(text, i);

            key = slv_str_sub(text, i + 1, end);
            i = end + 1;
        } else if (is_word(text.ptr[i])) {
            while (i < text.len && is_word(text.ptr[i]))
                i++;
            key = slv_str_sub(text, start, i);
        } else {
            i++;
            continue;
        }
        while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\t'))
            i++;
        if (i >= text.len || text.ptr[i] != ':')
            continue;
        i++;
        size_t value_at = i;
        slv_str value = last_string(text, &value_at);

        if (value.len > 0) {
            take(ret, key, value);
            i = value_at;
        }
    }
}
