/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON text with line breaks and two spaces per level, and what would harm a terminal escaped; it says the same. What is not JSON comes
 * out as some text. A new string, or NULL when out of memory. For programs that print what mxcd sends and have no other use for a parser. */
char *json_indent(const char *text);
/* The same in one line. */
char *json_short(const char *text);
