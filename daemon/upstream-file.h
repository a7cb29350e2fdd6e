/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The host's proxy (upstream.h) as an administrator writes it, in layers as config-file.h has them:
 *
 *   upstream.json         {"schema": "mxc-upstream/1", "host": "proxy.example.com", "port": 3128, "direct": ["*.example.com"]}
 *   upstream-login.json   {"schema": "mxc-upstream-login/1", "user": "…", "password": "…"}; none but root may read it
 *
 * Where one of the two is not good, the last good ones stay; where there are none of those, there is a proxy that is not known, and nothing is
 * reached by name. No upstream.json: there is none. */

#include "upstream.h"

typedef struct UpstreamFile {
        Upstream upstream;
        char *file;            /* upstream.json, or what is wrong; NULL: there is none */
        char *error;           /* "FILE: sentence"; NULL: good */
        char *digest;          /* SHA-256 of upstream.json, and nothing of the other: it can be guessed at; NULL where none is in force */
        uint64_t number;       /* another one for each change of upstream */
} UpstreamFile;

void upstream_file_clear(UpstreamFile *f);
/* before: what is in force. 0, with or without *ret->error; or as config_file_load(). */
int upstream_file_load(const char *const *dirs, const UpstreamFile *before, UpstreamFile *ret, char **ret_sentence);
