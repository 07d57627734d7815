/*
 * html_selector.h - CSS selectors for a document that streams by: matched from the outside in,
 * element by element, against what is known at a start tag.
 *
 * Supported: type, *, .class, #id, [attr] with = ~= |= ^= $= *= and the flags i and s,
 * :nth-child(), :nth-of-type(), :first-child, :first-of-type, :not(), descendant and child
 * combinators, lists.
 *
 * Each compound of each selector is a *state*. An element is tried against the states that are open
 * to it: the first of every selector, those that its parent opened for children, and those that any
 * ancestor opened for descendants. A state that matches opens the next, or, when it is the last,
 * the selector matches.
 *
 * Threads: one at a time; immutable once every selector is added. Limits: SLV_HTML_SELECTOR_MAX
 * bytes a selector, SLV_HTML_STATES_MAX states, :not() nested 16 deep.
 */
#ifndef SLV_WEB_HTML_SELECTOR_H
#define SLV_WEB_HTML_SELECTOR_H

#include "web/html_tokenizer.h"

#define SLV_HTML_SELECTOR_MAX ((size_t)64 << 10)
#define SLV_HTML_STATES_MAX 4096u

/* An element at its start tag. */
typedef struct slv_html_element {
    slv_str name; /* as written */
    const slv_html_token *tag;
    uint32_t nth_child,
        nth_of_type; /* from 1; of_type only where slv_html_selectors_count_types() */
} slv_html_element;

typedef struct slv_html_step {
    uint32_t selector;  /* as given to add() */
    uint32_t next;      /* state that a match opens; UINT32_MAX: the selector matches */
    bool next_is_child; /* for children only, not for all descendants */
    bool first;         /* open to every element */
} slv_html_step;

typedef struct slv_html_selectors slv_html_selectors;

slv_html_selectors *slv_html_selectors_new(void);
slv_html_selectors *slv_html_selectors_free(slv_html_selectors *s);
SLV_DEFINE_CLEANUP(slv_html_selectors *, slv_html_selectors_free);

/* SLV_E_PARSE with the text that people know in err->message; SLV_E_LIMIT. Adds nothing when it
 * fails. */
SLV_NODISCARD slv_code slv_html_selectors_add(slv_html_selectors *s, slv_str text,
                                              uint32_t selector, slv_err *err);
uint32_t slv_html_selectors_states(const slv_html_selectors *s);
/* Whether any selector asks for nth_of_type. */
bool slv_html_selectors_count_types(const slv_html_selectors *s);
slv_html_step slv_html_selectors_step(const slv_html_selectors *s, uint32_t state);
bool slv_html_selectors_match(const slv_html_selectors *s, uint32_t state,
                              const slv_html_element *element);

#endif
