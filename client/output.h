/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Standard output as systemctl treats it: colours on a terminal only, a pager where there is one to read with. */

#include <jansson.h>
#include <stdbool.h>

typedef enum Colour { COLOUR_NONE, COLOUR_GOOD, COLOUR_BAD, COLOUR_ODD, COLOUR_FAINT, COLOUR_TITLE, _COLOUR_MAX } Colour;

/* NO_COLOR, SYSTEMD_COLORS and TERM are heeded. */
bool output_has_colour(void);
const char *colour_begin(Colour c);
const char *colour_end(Colour c);
/* Columns of the terminal; 0 where nothing is to be cut (no terminal, or --full). */
unsigned output_width(void);

/* From now on standard output goes through $SYSTEMD_PAGER, $PAGER or less, where it is a terminal and --no-pager was not given. */
void pager_open(void);
/* Waits until the reader has seen enough. Without a pager only makes sure that everything was written: 0, or a status. */
int pager_close(void);

/* In the mode of --json; what a terminal gets is ASCII. output_json() opens the pager and closes it: 0, or a status. */
int output_json(json_t *value);
void output_json_line(const json_t *value);
