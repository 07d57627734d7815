#include "web/html_rewriter.h"

#include "web/html_rewriter_int.h"

#define LIMIT_TEXT "The memory limit has been exceeded."

slv_html_rewriter *slv_html_rewriter_new(size_t limit)
{
    slv_html_rewriter *rw = slv_new0(slv_html_rewriter);

    rw->tokenizer = slv_html_tokenizer_new(limit);
    rw->selectors = slv_html_selectors_new();
    rw->limit = limit;
    rw->names = SLV_BUF(limit);
    rw->arena = SLV_ARENA(HTML_CONTENT_MAX);
    rw->before = rw->after = rw->replacement = rw->name = rw->lower = rw->out =
        SLV_BUF(HTML_CONTENT_MAX);
    return rw;
}

static end_edits *end_free(end_edits *end)
{
    if (end) {
        slv_buf_done(&end->before);
        slv_buf_done(&end->after);
        slv_buf_done(&end->name);
        free(end);
    }
    return NULL;
}

slv_html_rewriter *slv_html_rewriter_free(slv_html_rewriter *rw)
{
    if (!rw)
        return NULL;
    slv_html_tokenizer_free(rw->tokenizer);
    slv_html_selectors_free(rw->selectors);
    for (size_t i = 0; i < rw->stack.len; i++)
        end_free(rw->stack.items[i].end);
    for (size_t i = rw->ending_at; i < rw->ending.len; i++)
        end_free(rw->ending.items[i]);
    end_free(rw->end);
    slv_vec_done(&rw->regs);
    slv_vec_done(&rw->stack);
    slv_vec_done(&rw->bits);
    slv_vec_done(&rw->types);
    slv_vec_done(&rw->matched);
    slv_vec_done(&rw->calls);
    slv_vec_done(&rw->attrs);
    slv_vec_done(&rw->ending);
    slv_buf_done(&rw->names);
    slv_buf_done(&rw->before);
    slv_buf_done(&rw->after);
    slv_buf_done(&rw->replacement);
    slv_buf_done(&rw->name);
    slv_buf_done(&rw->lower);
    slv_buf_done(&rw->out);
    slv_arena_done(&rw->arena);
    free(rw);
    return NULL;
}

static slv_code add_registration(slv_html_rewriter *rw, unsigned want, bool document,
                                 uint32_t *ret_handler, slv_err *err)
{
    registration reg = {.want = want, .document = document};

    SLV_ASSERT(!rw->started);
    if (rw->regs.len >= SLV_HTML_HANDLERS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "Too many content handlers.");
    *ret_handler = (uint32_t)rw->regs.len;
    slv_vec_push(&rw->regs, reg);
    return SLV_OK;
}

slv_code slv_html_rewriter_on(slv_html_rewriter *rw, slv_str selector, unsigned want,
                              uint32_t *ret_handler, slv_err *err)
{
    SLV_TRY(slv_html_selectors_add(rw->selectors, selector, (uint32_t)rw->regs.len, err));
    return add_registration(rw, want, false, ret_handler, err);
}

slv_code slv_html_rewriter_on_document(slv_html_rewriter *rw, unsigned want, uint32_t *ret_handler,
                                       slv_err *err)
{
    return add_registration(rw, want, true, ret_handler, err);
}

void slv_html_rewriter_set_utf8(slv_html_rewriter *rw, bool utf8)
{
    slv_html_tokenizer_keep_utf8_whole(rw->tokenizer, utf8);
}

static void start(slv_html_rewriter *rw)
{
    unsigned want = 0;

    rw->started = true;
    for (size_t i = 0; i < rw->regs.len; i++)
        want |= rw->regs.items[i].want;
    slv_html_tokenizer_skip_comments(rw->tokenizer, !(want & SLV_HTML_WANT_COMMENTS));
    rw->words = (slv_html_selectors_states(rw->selectors) + 63) / 64;
    for (size_t i = 0; i < 2 * rw->words; i++)
        slv_vec_push(&rw->bits, (uint64_t)0);
    for (uint32_t i = 0; i < slv_html_selectors_states(rw->selectors); i++) {
        if (slv_html_selectors_step(rw->selectors, i).first)
            rw->bits.items[i / 64] |= (uint64_t)1 << (i % 64);
    }
}

slv_code slv_html_rewriter_feed(slv_html_rewriter *rw, slv_str bytes, slv_err *err)
{
    if (slv_html_tokenizer_feed(rw->tokenizer, bytes) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, LIMIT_TEXT);
    return SLV_OK;
}

void slv_html_rewriter_end(slv_html_rewriter *rw)
{
    slv_html_tokenizer_end(rw->tokenizer);
}

slv_buf *slv_html_rewriter_output(slv_html_rewriter *rw)
{
    return &rw->out;
}

/* ---- writing ---- */

static slv_code put(slv_html_rewriter *rw, slv_str bytes)
{
    return rw->removed_depth ? SLV_OK : slv_buf_append(&rw->out, bytes);
}

static slv_code put_escaped_attr(slv_html_rewriter *rw, slv_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"')
            SLV_TRY(put(rw, SLV_STR("&quot;")));
        else
            SLV_TRY(put(rw, slv_str_sub(value, i, i + 1)));
    }
    return SLV_OK;
}

static slv_code put_start_tag(slv_html_rewriter *rw)
{
    if (!rw->renamed && !rw->attrs_edited)
        return put(rw, rw->token.raw);
    SLV_TRY(put(rw, SLV_STR("<")));
    SLV_TRY(put(rw, rw->renamed ? slv_buf_view(&rw->name) : rw->token.name));
    for (size_t i = 0; i < slv_html_rewriter_attr_count(rw); i++) {
        SLV_TRY(put(rw, SLV_STR(" ")));
        if (!rw->attrs_edited) {
            SLV_TRY(put(rw, slv_html_part(&rw->token, rw->token.attrs[i].raw)));
            continue;
        }
        attr_edit *a = &rw->attrs.items[i];
        if (a->raw.ptr) {
            SLV_TRY(put(rw, a->raw));
            continue;
        }
        SLV_TRY(put(rw, a->name));
        SLV_TRY(put(rw, SLV_STR("=\"")));
        SLV_TRY(put_escaped_attr(rw, a->value));
        SLV_TRY(put(rw, SLV_STR("\"")));
    }
    /* A tag that got content cannot close itself. */
    bool closing = rw->token.self_closing && !(rw->has_content && rw->inside_edited);
    return put(rw, closing ? (rw->renamed && !rw->attrs_edited && rw->token.attr_count == 0
                                  ? SLV_STR("/>")
                                  : SLV_STR(" />"))
                           : SLV_STR(">"));
}

static slv_code put_token(slv_html_rewriter *rw)
{
    switch (rw->stop) {
    case SLV_HTML_STOP_ELEMENT:
        return put_start_tag(rw);
    case SLV_HTML_STOP_END_TAG:
        if (!rw->renamed)
            return put(rw, rw->token.raw);
        SLV_TRY(put(rw, SLV_STR("</")));
        SLV_TRY(put(rw, slv_buf_view(&rw->name)));
        return put(rw, SLV_STR(">"));
    case SLV_HTML_STOP_COMMENT:
        if (!rw->renamed)
            return put(rw, rw->token.raw);
        SLV_TRY(put(rw, SLV_STR("<!--")));
        SLV_TRY(put(rw, slv_buf_view(&rw->name)));
        return put(rw, SLV_STR("-->"));
    case SLV_HTML_STOP_TEXT:
    case SLV_HTML_STOP_DOCTYPE:
        return put(rw, rw->token.raw);
    case SLV_HTML_STOP_NONE:
    case SLV_HTML_STOP_DOCUMENT_END:
    case SLV_HTML_STOP_DONE:
        break;
    }
    return SLV_OK;
}

static slv_code write_stop(slv_html_rewriter *rw)
{
    SLV_TRY(put(rw, slv_buf_view(&rw->before)));
    if (rw->removed)
        SLV_TRY(put(rw, slv_buf_view(&rw->replacement)));
    else
        SLV_TRY(put_token(rw));
    return put(rw, slv_buf_view(&rw->after));
}

/* Forgets all about the token that it stood at. */
static void reset_token(slv_html_rewriter *rw)
{
    slv_buf_reset(&rw->before);
    slv_buf_reset(&rw->after);
    slv_buf_reset(&rw->replacement);
    slv_buf_reset(&rw->name);
    rw->removed = rw->renamed = rw->has_content = rw->inside_edited = rw->content_removed = false;
    rw->attrs_edited = false;
    rw->attrs.len = 0;
    rw->calls.len = 0;
    slv_arena_reset(&rw->arena);
}

/* ---- the stack of open elements ---- */

static size_t memory_used(const slv_html_rewriter *rw)
{
    return rw->stack.len * sizeof *rw->stack.items + rw->bits.len * sizeof *rw->bits.items +
           rw->types.len * sizeof *rw->types.items + rw->matched.len * sizeof *rw->matched.items +
           rw->names.len;
}

static slv_str open_name(const slv_html_rewriter *rw, size_t i)
{
    size_t end = i + 1 < rw->stack.len ? rw->stack.items[i + 1].name_at : rw->names.len;

    return slv_str_sub(slv_buf_view(&rw->names), rw->stack.items[i].name_at, end);
}

static uint64_t name_hash(slv_str name)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (uint8_t)slv_ascii_lower(name.ptr[i])) * 1099511628211u;
    return h;
}

/* Position of the element that begins now among its siblings, and among those of its type. */
static void count_child(slv_html_rewriter *rw, slv_html_element *el)
{
    open_el *parent = rw->stack.len ? &rw->stack.items[rw->stack.len - 1] : NULL;
    uint32_t depth = (uint32_t)rw->stack.len;

    el->nth_child = parent ? ++parent->children : ++rw->root_children;
    if (!slv_html_selectors_count_types(rw->selectors))
        return;
    uint64_t hash = name_hash(el->name);
    for (size_t i = rw->types.len; i > 0 && rw->types.items[i - 1].depth == depth; i--) {
        if (rw->types.items[i - 1].hash == hash) {
            el->nth_of_type = ++rw->types.items[i - 1].count;
            return;
        }
    }
    slv_vec_push(&rw->types, ((type_count){depth, 1, hash}));
    el->nth_of_type = 1;
}

/* Tries the states that are open to the element; the new level's bits are pushed, its matches too.
 */
static void match(slv_html_rewriter *rw, const slv_html_element *el)
{
    size_t words = rw->words, parent = rw->bits.len - 2 * words;

    if (!words)
        return;
    for (size_t i = 0; i < words; i++)
        slv_vec_push(&rw->bits, rw->bits.items[parent + i]); /* descendants inherit */
    for (size_t i = 0; i < words; i++)
        slv_vec_push(&rw->bits, (uint64_t)0);
    uint64_t *up = rw->bits.items + parent, *here = up + 2 * words;
    size_t first = rw->matched.len;
    for (size_t w = 0; w < words; w++) {
        for (uint64_t open = up[w] | up[words + w]; open; open &= open - 1) {
            uint32_t state = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(open);

            if (!slv_html_selectors_match(rw->selectors, state, el))
                continue;
            slv_html_step step = slv_html_selectors_step(rw->selectors, state);
            if (step.next != UINT32_MAX) {
                here[(step.next_is_child ? words : 0) + step.next / 64] |= (uint64_t)1
                                                                           << (step.next % 64);
                continue;
            }
            bool known = false;
            for (size_t i = first; i < rw->matched.len && !known; i++)
                known = rw->matched.items[i] == step.selector;
            if (!known)
                slv_vec_push(&rw->matched, step.selector);
        }
    }
}

/* In order of registration. */
static void sort_matches(slv_html_rewriter *rw, size_t from)
{
    for (size_t i = from + 1; i < rw->matched.len; i++) {
        uint32_t v = rw->matched.items[i];
        size_t j = i;

        for (; j > from && rw->matched.items[j - 1] > v; j--)
            rw->matched.items[j] = rw->matched.items[j - 1];
        rw->matched.items[j] = v;
    }
}

static slv_code push_element(slv_html_rewriter *rw, uint32_t types_at, uint32_t matched_at)
{
    open_el el = {.name_at = rw->names.len, .types_at = types_at, .matched_at = matched_at};
    slv_str name = rw->token.name;

    SLV_TRY(slv_buf_append(&rw->names, name));
    for (size_t i = el.name_at; i < rw->names.len; i++)
        rw->names.ptr[i] = slv_ascii_lower(rw->names.ptr[i]);
    slv_vec_push(&rw->stack, el);
    for (size_t i = matched_at; i < rw->matched.len; i++)
        rw->regs.items[rw->matched.items[i]].open++;
    return memory_used(rw) > rw->limit ? SLV_E_LIMIT : SLV_OK;
}

static void drop_level(slv_html_rewriter *rw, uint32_t matched_at)
{
    rw->bits.len -= 2 * rw->words;
    rw->matched.len = matched_at;
}

static void pop_element(slv_html_rewriter *rw)
{
    open_el *el = &rw->stack.items[rw->stack.len - 1];

    for (size_t i = el->matched_at; i < rw->matched.len; i++)
        rw->regs.items[rw->matched.items[i]].open--;
    if (el->content_removed)
        rw->removed_depth--;
    if (el->end)
        slv_vec_push(&rw->ending, el->end);
    drop_level(rw, el->matched_at);
    /* The counters of its children's types. */
    while (rw->types.len && rw->types.items[rw->types.len - 1].depth >= rw->stack.len)
        rw->types.len--;
    rw->names.len = el->name_at;
    rw->stack.len--;
}

/* ---- tokens ---- */

/* Registrations that want `want` of a token inside of the open elements. */
static bool collect_calls(slv_html_rewriter *rw, unsigned want)
{
    for (int document = 0; document < 2; document++) {
        for (uint32_t i = 0; i < rw->regs.len; i++) {
            const registration *reg = &rw->regs.items[i];

            if ((reg->want & want) && reg->document == (document == 1) &&
                (reg->document || reg->open))
                slv_vec_push(&rw->calls, i);
        }
    }
    return rw->calls.len > 0;
}

static slv_code on_start_tag(slv_html_rewriter *rw, slv_html_stop *ret, slv_err *err)
{
    slv_html_element el = {.name = rw->token.name, .tag = &rw->token};
    slv_html_namespace before = slv_html_tree_namespace(&rw->tree), ns;
    uint32_t matched_at = (uint32_t)rw->matched.len, types_at = (uint32_t)rw->types.len;

    SLV_TRY(slv_html_tree_start(&rw->tree, &rw->token, rw->tokenizer, err));
    ns = slv_html_tree_namespace(&rw->tree);
    count_child(rw, &el);
    match(rw, &el);
    sort_matches(rw, matched_at);
    for (size_t i = matched_at; i < rw->matched.len; i++) {
        if (rw->regs.items[rw->matched.items[i]].want & SLV_HTML_WANT_ELEMENT)
            slv_vec_push(&rw->calls, rw->matched.items[i]);
    }
    /* An element of HTML is void by its name, a foreign one when its tag closes itself. */
    bool foreign = ns != SLV_HTML_NS_HTML || before != SLV_HTML_NS_HTML ||
                   slv_str_eq_nocase(el.name, SLV_STR("svg")) ||
                   slv_str_eq_nocase(el.name, SLV_STR("math"));
    rw->has_content = foreign && (ns != SLV_HTML_NS_HTML || rw->token.self_closing)
                          ? !rw->token.self_closing
                          : !slv_html_is_void(el.name);
    if (rw->has_content) {
        if (push_element(rw, types_at, matched_at) != SLV_OK)
            return slv_fail(err, SLV_E_LIMIT, LIMIT_TEXT);
    } else {
        drop_level(rw, matched_at);
    }
    if (!rw->calls.len)
        return put(rw, rw->token.raw);
    *ret = SLV_HTML_STOP_ELEMENT;
    return SLV_OK;
}

static slv_code finish_element(slv_html_rewriter *rw)
{
    SLV_TRY(write_stop(rw));
    if (!rw->has_content) {
        rw->end = end_free(rw->end);
        return SLV_OK;
    }
    open_el *el = &rw->stack.items[rw->stack.len - 1];
    el->end = SLV_STEAL(rw->end);
    el->content_removed = rw->content_removed;
    rw->removed_depth += rw->content_removed;
    return SLV_OK;
}

/* Puts the next of the elements that the end tag closes in charge of it: the last one, outermost,
 * decides. */
static bool next_ending(slv_html_rewriter *rw)
{
    while (rw->ending_at < rw->ending.len) {
        end_edits *end = rw->ending.items[rw->ending_at++];
        slv_buf before = rw->before, after = rw->after, name = rw->name;
        bool call = end->has_call;
        uint32_t number = end->call;

        rw->before = end->before;
        rw->after = end->after;
        rw->removed = end->removed;
        if (end->name.len) {
            rw->name = end->name;
            end->name = name;
            rw->renamed = true;
        }
        end->before = before;
        end->after = after;
        end_free(end);
        if (call) {
            rw->calls.len = 0;
            slv_vec_push(&rw->calls, number);
            return true;
        }
    }
    rw->ending.len = rw->ending_at = 0;
    return false;
}

static slv_code on_end_tag(slv_html_rewriter *rw, slv_html_stop *ret)
{
    slv_str name = rw->token.name;
    size_t i = rw->stack.len;

    slv_html_tree_end(&rw->tree, name, rw->tokenizer);
    while (i > 0 && !slv_str_eq_nocase(open_name(rw, i - 1), name))
        i--;
    if (i == 0)
        return put(rw, rw->token.raw);
    while (rw->stack.len >= i)
        pop_element(rw);
    if (!rw->ending.len)
        return put(rw, rw->token.raw);
    if (next_ending(rw)) {
        *ret = SLV_HTML_STOP_END_TAG;
        return SLV_OK;
    }
    rw->stop = SLV_HTML_STOP_END_TAG;
    slv_code code = write_stop(rw);
    rw->stop = SLV_HTML_STOP_NONE;
    reset_token(rw);
    return code;
}

static slv_code on_plain(slv_html_rewriter *rw, unsigned want, slv_html_stop stop,
                         slv_html_stop *ret)
{
    if (!collect_calls(rw, want))
        return put(rw, rw->token.raw);
    *ret = stop;
    return SLV_OK;
}

static slv_code on_token(slv_html_rewriter *rw, slv_html_stop *ret, slv_err *err)
{
    switch (rw->token.kind) {
    case SLV_HTML_TEXT:
        rw->text_open = true;
        rw->last_text = false;
        return on_plain(rw, SLV_HTML_WANT_TEXT, SLV_HTML_STOP_TEXT, ret);
    case SLV_HTML_START_TAG:
        return on_start_tag(rw, ret, err);
    case SLV_HTML_END_TAG:
        return on_end_tag(rw, ret);
    case SLV_HTML_COMMENT:
        return on_plain(rw, SLV_HTML_WANT_COMMENTS, SLV_HTML_STOP_COMMENT, ret);
    case SLV_HTML_DOCTYPE:
        return on_plain(rw, SLV_HTML_WANT_DOCTYPE, SLV_HTML_STOP_DOCTYPE, ret);
    case SLV_HTML_MARKUP:
        return put(rw, rw->token.raw);
    case SLV_HTML_END:
        break;
    }
    /* Elements that are still open never get their end; what follows the document is written in any
     * case. */
    rw->removed_depth = 0;
    *ret = collect_calls(rw, SLV_HTML_WANT_END) ? SLV_HTML_STOP_DOCUMENT_END : SLV_HTML_STOP_DONE;
    return SLV_OK;
}

/* After a text node: an empty chunk that says so. */
static bool end_text(slv_html_rewriter *rw, slv_html_stop *ret)
{
    rw->text_open = false;
    rw->last_text = true;
    if (!collect_calls(rw, SLV_HTML_WANT_TEXT))
        return false;
    *ret = SLV_HTML_STOP_TEXT;
    return true;
}

static slv_code advance(slv_html_rewriter *rw, slv_html_stop *ret, slv_err *err)
{
    while (*ret == SLV_HTML_STOP_NONE) {
        if (rw->stop == SLV_HTML_STOP_TEXT && rw->last_text && rw->token.kind != SLV_HTML_TEXT) {
            /* The token that ended the text waits. */
            rw->stop = SLV_HTML_STOP_NONE;
        } else {
            slv_code code = slv_html_tokenizer_next(rw->tokenizer, &rw->token);

            if (code == SLV_E_AGAIN)
                return SLV_OK;
            if (code != SLV_OK)
                return slv_fail(err, code, LIMIT_TEXT);
            if (rw->text_open && rw->token.kind != SLV_HTML_TEXT && end_text(rw, ret))
                return SLV_OK;
        }
        SLV_TRY(on_token(rw, ret, err));
    }
    return SLV_OK;
}

static slv_code finish_stop(slv_html_rewriter *rw, slv_html_stop *ret)
{
    switch (rw->stop) {
    case SLV_HTML_STOP_ELEMENT:
        SLV_TRY(finish_element(rw));
        break;
    case SLV_HTML_STOP_END_TAG:
        if (next_ending(rw)) {
            *ret = SLV_HTML_STOP_END_TAG;
            return SLV_OK;
        }
        SLV_TRY(write_stop(rw));
        break;
    case SLV_HTML_STOP_TEXT:
        if (rw->last_text) { /* the chunk is empty: only what was put around it */
            SLV_TRY(put(rw, slv_buf_view(&rw->before)));
            SLV_TRY(put(rw, slv_buf_view(&rw->replacement)));
            SLV_TRY(put(rw, slv_buf_view(&rw->after)));
            break;
        }
        SLV_TRY(write_stop(rw));
        break;
    case SLV_HTML_STOP_COMMENT:
    case SLV_HTML_STOP_DOCTYPE:
        SLV_TRY(write_stop(rw));
        break;
    case SLV_HTML_STOP_DOCUMENT_END:
        SLV_TRY(put(rw, slv_buf_view(&rw->after)));
        *ret = SLV_HTML_STOP_DONE;
        break;
    case SLV_HTML_STOP_NONE:
        break;
    case SLV_HTML_STOP_DONE:
        *ret = SLV_HTML_STOP_DONE;
        break;
    }
    reset_token(rw);
    return SLV_OK;
}

slv_code slv_html_rewriter_next(slv_html_rewriter *rw, slv_html_stop *ret, slv_err *err)
{
    slv_html_stop stop = SLV_HTML_STOP_NONE;

    if (!rw->started)
        start(rw);
    SLV_TRY(finish_stop(rw, &stop));
    bool text_ended = rw->stop == SLV_HTML_STOP_TEXT && rw->last_text;
    if (!text_ended)
        rw->stop = SLV_HTML_STOP_NONE;
    if (stop == SLV_HTML_STOP_NONE)
        SLV_TRY(advance(rw, &stop, err));
    rw->stop = stop;
    *ret = stop;
    return SLV_OK;
}
