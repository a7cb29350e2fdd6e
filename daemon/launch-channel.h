/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* mxcd's end of the channel to mxc-launch (report.h). Calls are answered by serial; what comes unasked goes to the owner. When the
 * launcher goes away every call is answered with FAILED and ENOTCONN, the owner is told, and the channel connects again
 * by itself. A launcher that breaks the protocol is treated as one that went away. */

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "report.h"

typedef struct LaunchChannel LaunchChannel;

/* Called exactly once. Descriptors that it wants to keep it takes with TAKE_FD(fds[i]); the rest is closed after it. */
typedef void (*LaunchDone)(const LaunchReport *report, int *fds, size_t n_fds, void *userdata);

typedef struct LaunchOwner {
        void (*up)(const LaunchFeatures *features, void *userdata);   /* after the last adopt() */
        void (*down)(void *userdata);
        void (*adopt)(const LaunchReport *report, int *fds, size_t n_fds, void *userdata); /* as LaunchDone */
        void (*exited)(const LaunchReport *report, void *userdata);
        void *userdata;
        uint64_t answer_usec; /* how long an answer may take before the launcher is as good as gone; 0: 45 s */
} LaunchOwner;

/* Begins to connect; up() says when it is done. */
int launch_channel_new(sd_event *event, const char *path, const LaunchOwner *owner, LaunchChannel **ret);
LaunchChannel *launch_channel_free(LaunchChannel *c);
bool launch_channel_is_up(const LaunchChannel *c);

/* fds are borrowed. magic, version and serial of q are filled in. done may be NULL. A negative errno: done is not called. */
int launch_channel_call(LaunchChannel *c, const LaunchRequest *q, const int *fds, size_t n_fds, LaunchDone done, void *userdata);
