/*
 * functions_text.h - the text of functions.js. Private to bundle.
 */
#ifndef SLV_BUNDLE_FUNCTIONS_TEXT_H
#define SLV_BUNDLE_FUNCTIONS_TEXT_H

extern const char slv_functions_text[];

#endif
