#include "web/html_tree.h"

enum { DOUBT_NONE, DOUBT_SELECT, DOUBT_TEMPLATE, DOUBT_FRAMESET };

/* Whether the lower-case form of name stands in a list of words between spaces. */
static bool is_one_of(slv_str name, const char *list)
{
    char word[32];

    if (name.len == 0 || name.len > sizeof word - 2)
        return false;
    word[0] = ' ';
    for (size_t i = 0; i < name.len; i++)
        word[i + 1] = slv_ascii_lower(name.ptr[i]);
    word[name.len + 1] = ' ';
    return memmem(list, strlen(list), word, name.len + 2) != NULL;
}

bool slv_html_is_void(slv_str name)
{
    return is_one_of(
        name, " area base basefont bgsound br col embed frame hr img input keygen link meta param "
              "source track wbr ");
}

/* How the text in an HTML element is read. */
static slv_html_text text_of(slv_str name)
{
    if (is_one_of(name, " title textarea "))
        return SLV_HTML_RCDATA;
    if (is_one_of(name, " style xmp iframe noembed noframes noscript "))
        return SLV_HTML_RAWTEXT;
    if (is_one_of(name, " script "))
        return SLV_HTML_SCRIPT;
    return is_one_of(name, " plaintext ") ? SLV_HTML_PLAINTEXT : SLV_HTML_DATA;
}

static slv_code refuse(slv_str name, slv_err *err)
{
    char word[32] = "";

    for (size_t i = 0; i < name.len && i < sizeof word - 1; i++)
        word[i] = slv_ascii_lower(name.ptr[i]);
    return slv_fail(
        err, SLV_E_PARSE,
        "The parser has encountered a text content tag (`<%s>`) in the context where it is "
        "ambiguous whether this tag should be "
        "ignored or not. And, thus, is is unclear is consequent content should be parsed as raw "
        "text or HTML markup.\n\nThis "
        "error occurs due to the limited capabilities of the streaming parsing. However, almost "
        "all of the cases of this error "
        "are caused by a non-conforming markup (e.g. a `<script>` element in `<select>` element).",
        word);
}

/* Inside of select and frameset a tree builder ignores most tags, and with them their effect on
 * text. */
static slv_code track_doubt(slv_html_tree *t, slv_str name, slv_err *err)
{
    bool text = text_of(name) != SLV_HTML_DATA;

    switch (t->doubt) {
    case DOUBT_NONE:
        if (is_one_of(name, " select "))
            t->doubt = DOUBT_SELECT;
        else if (is_one_of(name, " frameset "))
            t->doubt = DOUBT_FRAMESET;
        return SLV_OK;
    case DOUBT_SELECT:
        if (is_one_of(name, " select textarea input keygen ")) {
            t->doubt = DOUBT_NONE; /* these close the select */
            return SLV_OK;
        }
        if (is_one_of(name, " template ")) {
            t->doubt = DOUBT_TEMPLATE;
            t->templates = 1;
        }
        return text && !is_one_of(name, " script ") ? refuse(name, err) : SLV_OK;
    case DOUBT_TEMPLATE:
        if (is_one_of(name, " template "))
            t->templates++;
        return text && !is_one_of(name, " script ") ? refuse(name, err) : SLV_OK;
    default:
        return text && !is_one_of(name, " noframes ") ? refuse(name, err) : SLV_OK;
    }
}

static void enter(slv_html_tree *t, slv_html_namespace ns)
{
    if (t->depth < SLV_HTML_NAMESPACE_DEPTH)
        t->stack[t->depth++] = (uint8_t)ns;
}

static void leave(slv_html_tree *t)
{
    if (t->depth)
        t->depth--;
}

static bool has_attr(const slv_html_token *tag, const char *list)
{
    for (size_t i = 0; i < tag->attr_count; i++) {
        if (is_one_of(slv_html_part(tag, tag->attrs[i].name), list))
            return true;
    }
    return false;
}

/* annotation-xml is HTML inside when its encoding says so. */
static bool encoding_is_html(const slv_html_token *tag)
{
    for (size_t i = 0; i < tag->attr_count; i++) {
        if (slv_str_eq_nocase(slv_html_part(tag, tag->attrs[i].name), SLV_STR("encoding"))) {
            slv_str v = slv_html_part(tag, tag->attrs[i].value);
            return slv_str_eq_nocase(v, SLV_STR("text/html")) ||
                   slv_str_eq_nocase(v, SLV_STR("application/xhtml+xml"));
        }
    }
    return false;
}

static bool is_integration_point(slv_html_namespace ns, slv_str name)
{
    if (ns == SLV_HTML_NS_MATHML)
        return is_one_of(name, " mi mo mn ms mtext ");
    return ns == SLV_HTML_NS_SVG && is_one_of(name, " desc title foreignobject ");
}

/* Tags that a tree builder takes out of foreign content. */
static bool breaks_out(const slv_html_token *tag)
{
    if (is_one_of(tag->name, " b big blockquote body br center code dd div dl dt em embed h1 h2 h3 "
                             "h4 h5 h6 head hr i img li "
                             "listing menu meta nobr ol p pre ruby s small span strong strike sub "
                             "sup table tt u ul var "))
        return true;
    return is_one_of(tag->name, " font ") && has_attr(tag, " color size face ");
}

static void start_in_foreign(slv_html_tree *t, const slv_html_token *tag)
{
    slv_html_namespace ns = slv_html_tree_namespace(t);

    if (breaks_out(tag))
        leave(t);
    else if (tag->self_closing)
        return;
    else if (is_integration_point(ns, tag->name) ||
             (ns == SLV_HTML_NS_MATHML && is_one_of(tag->name, " annotation-xml ") &&
              encoding_is_html(tag)))
        enter(t, SLV_HTML_NS_HTML);
}

slv_code slv_html_tree_start(slv_html_tree *t, const slv_html_token *tag,
                             slv_html_tokenizer *tokenizer, slv_err *err)
{
    bool svg = is_one_of(tag->name, " svg ");

    SLV_TRY(track_doubt(t, tag->name, err));
    if (svg || is_one_of(tag->name, " math ")) {
        if (!tag->self_closing)
            enter(t, svg ? SLV_HTML_NS_SVG : SLV_HTML_NS_MATHML);
    } else if (slv_html_tree_namespace(t) != SLV_HTML_NS_HTML) {
        start_in_foreign(t, tag);
    } else {
        slv_html_text text = text_of(tag->name);

        if (text != SLV_HTML_DATA)
            slv_html_tokenizer_set_text(tokenizer, text);
    }
    slv_html_tokenizer_allow_cdata(tokenizer, slv_html_tree_namespace(t) != SLV_HTML_NS_HTML);
    return SLV_OK;
}

static void end_doubt(slv_html_tree *t, slv_str name)
{
    if (t->doubt == DOUBT_SELECT && is_one_of(name, " select "))
        t->doubt = DOUBT_NONE;
    else if (t->doubt == DOUBT_TEMPLATE && is_one_of(name, " template ") && --t->templates == 0)
        t->doubt = DOUBT_SELECT;
}

void slv_html_tree_end(slv_html_tree *t, slv_str name, slv_html_tokenizer *tokenizer)
{
    slv_html_namespace ns = slv_html_tree_namespace(t);

    end_doubt(t, name);
    if (ns == SLV_HTML_NS_HTML) {
        /* The end of the integration point through which HTML was entered. */
        slv_html_namespace outer = t->depth >= 2 ? (slv_html_namespace)t->stack[t->depth - 2] : ns;
        if (is_integration_point(outer, name) ||
            (outer == SLV_HTML_NS_MATHML && is_one_of(name, " annotation-xml ")))
            leave(t);
    } else if (is_one_of(name, ns == SLV_HTML_NS_SVG ? " svg " : " math ") ||
               is_one_of(name, " p br ")) {
        leave(t);
    }
    slv_html_tokenizer_allow_cdata(tokenizer, slv_html_tree_namespace(t) != SLV_HTML_NS_HTML);
}
