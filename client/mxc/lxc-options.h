/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The command line of lxc-exec, as MXC's own reads it, and its usage errors in the same words: tools look for them. Pure but for lxc_options_parse()
 * printing them. */

#include <stdbool.h>

#include "cleanup.h"

#define LXC_EXIT_USAGE 2

typedef struct LxcOptions {
        const char *path;          /* the word that is no option */
        const char *config, *config_base64, *container_name, *log_file;
        bool debug, delete, experimental, allow_testing_features, available_backends, dry_run, force;
        bool setup_hyperlight;
        bool help;                 /* nothing after it was looked at */
} LxcOptions;

/* argv: behind the program's name, NULL-terminated. 0; or -EINVAL with the error printed: exit with LXC_EXIT_USAGE. */
int lxc_options_parse(char *const *argv, LxcOptions *ret);
void lxc_options_print_help(FILE *f);
