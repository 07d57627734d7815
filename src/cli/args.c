#include "cli/cmd.h"

#include "base/attr.h"
#include "fmt/suggest.h"

#define FLAG_NAME_MAX 64

/* testScheduled and test_scheduled are test-scheduled. */
static slv_str kebab(slv_str name, char out[static FLAG_NAME_MAX * 2])
{
    size_t n = 0;

    for (size_t i = 0; i < name.len && i < FLAG_NAME_MAX; i++) {
        char c = name.ptr[i];

        if (c >= 'A' && c <= 'Z' && i > 0)
            out[n++] = '-';
        out[n++] = c == '_' ? '-' : slv_ascii_lower(c);
    }
    return slv_str_make(out, n);
}

static const slv_flag *find_flag(const slv_cmd *cmd, slv_str name)
{
    for (size_t i = 0; i < cmd->flag_count; i++)
        if (slv_str_is(name, cmd->flags[i].name))
            return &cmd->flags[i];
    return NULL;
}

static const slv_flag *find_letter(const slv_cmd *cmd, char letter)
{
    for (size_t i = 0; i < cmd->flag_count; i++)
        if (cmd->flags[i].letter == letter)
            return &cmd->flags[i];
    return NULL;
}

static slv_code unknown_flag(const slv_cmd *cmd, const char *arg, slv_str name, slv_err *err)
{
    const char *words[128];
    const char *near;
    size_t n = 0;

    for (size_t i = 0; i < cmd->flag_count && n < SLV_ARRAY_LEN(words); i++)
        if (cmd->flags[i].kind != SLV_FLAG_REFUSED)
            words[n++] = cmd->flags[i].name;
    near = slv_suggest(name, words, n);
    if (near)
        return slv_fail(err, SLV_E_INVAL, "unknown flag %s; did you mean --%s?", arg, near);
    return slv_fail(err, SLV_E_INVAL, "unknown flag %s; 'selvage help %s' lists the flags", arg,
                    cmd->name);
}

static bool is_bool_word(const char *s)
{
    return strcmp(s, "true") == 0 || strcmp(s, "false") == 0;
}

typedef struct parse {
    const slv_cmd *cmd;
    int argc, at; /* at: the next argument */
    char *const *argv;
    slv_args *args;
} parse;

static void add(parse *p, const slv_flag *flag, const char *value)
{
    slv_arg a = {flag, value};

    slv_vec_push(&p->args->flags, a);
}

/* A value that stands in an argument of its own; those that look like flags are none. */
static const char *next_value(parse *p)
{
    const char *s;

    if (p->at >= p->argc)
        return NULL;
    s = p->argv[p->at];
    if (s[0] == '-' && s[1] != '\0' && !slv_is_digit(s[1]))
        return NULL;
    p->at++;
    return s;
}

static slv_code take_value(parse *p, const slv_flag *flag, const char *arg, const char *value,
                           slv_err *err)
{
    switch (flag->kind) {
    case SLV_FLAG_BOOL:
        if (!value && p->at < p->argc && is_bool_word(p->argv[p->at]))
            value = p->argv[p->at++];
        if (value && !is_bool_word(value))
            return slv_fail(err, SLV_E_INVAL, "%s takes true or false, not '%s'", arg, value);
        add(p, flag, value ? value : "true");
        return SLV_OK;
    case SLV_FLAG_REFUSED:
        return slv_fail(err, SLV_E_INVAL, "--%s: %s", flag->name, flag->help);
    case SLV_FLAG_STRING:
    case SLV_FLAG_NUMBER:
    case SLV_FLAG_LIST:
        break;
    }
    if (!value)
        value = next_value(p);
    if (!value)
        return slv_fail(err, SLV_E_INVAL, "%s needs a value (%s)", arg,
                        flag->value ? flag->value : "VALUE");
    add(p, flag, value);
    if (flag->kind == SLV_FLAG_LIST)
        while (p->at < p->argc && p->argv[p->at][0] != '-')
            add(p, flag, p->argv[p->at++]);
    return SLV_OK;
}

static slv_code parse_long(parse *p, const char *arg, slv_err *err)
{
    char folded[FLAG_NAME_MAX * 2];
    const char *eq = strchr(arg, '=');
    slv_str name = slv_str_make(arg + 2, eq ? (size_t)(eq - arg) - 2 : strlen(arg) - 2);
    const char *value = eq ? eq + 1 : NULL;
    const slv_flag *flag;

    name = kebab(name, folded);
    flag = find_flag(p->cmd, name);
    if (!flag && slv_str_starts(name, SLV_STR("no-"))) {
        flag = find_flag(p->cmd, slv_str_skip(name, 3));
        if (flag && flag->kind == SLV_FLAG_BOOL && !value) {
            add(p, flag, "false");
            return SLV_OK;
        }
        flag = NULL;
    }
    if (!flag)
        return unknown_flag(p->cmd, arg, name, err);
    return take_value(p, flag, arg, value, err);
}

static slv_code parse_short(parse *p, const char *arg, slv_err *err)
{
    const slv_flag *flag = find_letter(p->cmd, arg[1]);
    const char *value = arg[2] == '=' ? arg + 3 : arg[2] != '\0' ? arg + 2 : NULL;

    if (!flag)
        return slv_fail(err, SLV_E_INVAL, "unknown flag %s; 'selvage help %s' lists the flags", arg,
                        p->cmd->name);
    return take_value(p, flag, arg, value, err);
}

slv_code slv_args_parse(const slv_cmd *cmd, int argc, char *const argv[], slv_args *ret,
                        slv_err *err)
{
    parse p = {cmd, argc, 0, argv, ret};
    bool flags = true;

    ret->cmd = cmd;
    while (p.at < argc) {
        const char *arg = argv[p.at++];

        if (flags && strcmp(arg, "--") == 0) {
            flags = false;
        } else if (flags && arg[0] == '-' && arg[1] == '-') {
            SLV_TRY(parse_long(&p, arg, err));
        } else if (flags && arg[0] == '-' && arg[1] != '\0') {
            SLV_TRY(parse_short(&p, arg, err));
        } else if (ret->positional.len == cmd->max_positional) {
            return slv_fail(err, SLV_E_INVAL, "one argument too many: '%s'", arg);
        } else {
            slv_vec_push(&ret->positional, arg);
        }
    }
    return SLV_OK;
}

void slv_args_done(slv_args *a)
{
    slv_vec_done(&a->positional);
    slv_vec_done(&a->flags);
}

slv_code slv_args_required(const slv_args *a, size_t i, const char *what, const char **ret,
                           slv_err *err)
{
    if (i >= a->positional.len)
        return slv_fail(err, SLV_E_INVAL, "%s is missing: selvage %s %s", what, a->cmd->name,
                        a->cmd->args);
    *ret = a->positional.items[i];
    return SLV_OK;
}

const char *slv_args_string(const slv_args *a, const char *name)
{
    SLV_ASSERT(find_flag(a->cmd, slv_str_from(name)));
    for (size_t i = a->flags.len; i > 0; i--)
        if (strcmp(a->flags.items[i - 1].flag->name, name) == 0)
            return a->flags.items[i - 1].value;
    return NULL;
}

bool slv_args_has(const slv_args *a, const char *name)
{
    return slv_args_string(a, name) != NULL;
}

bool slv_args_bool(const slv_args *a, const char *name, bool otherwise)
{
    const char *s = slv_args_string(a, name);

    return s ? strcmp(s, "true") == 0 : otherwise;
}

const char *slv_args_item(const slv_args *a, const char *name, size_t i)
{
    SLV_ASSERT(find_flag(a->cmd, slv_str_from(name)));
    for (size_t at = 0; at < a->flags.len; at++)
        if (strcmp(a->flags.items[at].flag->name, name) == 0 && i-- == 0)
            return a->flags.items[at].value;
    return NULL;
}

slv_code slv_args_number(const slv_args *a, const char *name, uint64_t min, uint64_t max,
                         uint64_t otherwise, uint64_t *ret, slv_err *err)
{
    const char *s = slv_args_string(a, name);

    *ret = otherwise;
    if (!s)
        return SLV_OK;
    if (slv_parse_u64(slv_str_from(s), ret) != SLV_OK || *ret < min || *ret > max)
        return slv_fail(err, SLV_E_INVAL, "--%s takes a whole number from %llu to %llu, not '%s'",
                        name, (unsigned long long)min, (unsigned long long)max, s);
    return SLV_OK;
}
