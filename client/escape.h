/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Text that came from elsewhere, made fit for a terminal: an agent chooses its argv, labels and the names of its files, and a terminal
 * obeys what it is sent. What is not a plain character is shown as an escape: control characters of C0 and C1, bytes that are not
 * UTF-8, and what changes the order or the look of the text around it (bidirectional and invisible characters, tags,
 * variation selectors, line and paragraph separators). Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the terminal is not known to be UTF-8 a harmless character may hold a byte that is not: then only ASCII is plain. False until
 * escape_begin() has looked at LC_ALL, LC_CTYPE and LANG. */
extern bool escape_all_but_ascii;
void escape_begin(void);

/* The character at s[0..n) (n > 0) and how many bytes it has; 1 byte and UINT32_MAX for what is not UTF-8. */
size_t utf8_next(const char *s, size_t n, uint32_t *ret);
bool text_is_utf8(const char *s);
/* False for what must not reach a terminal as it is. */
bool character_is_plain(uint32_t c);

/* \n becomes \n in letters, ESC \x1b, U+202E \u202e; a backslash stays as it is. NULL when out of memory; the caller frees. */
char *escape_text(const char *s);
/* As a shell would read them back: bare, '…', or $'…' where something had to be escaped. NULL as above. */
char *escape_words(const char *const *words);
