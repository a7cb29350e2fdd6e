/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A request run by lxc-exec: the command has its standard input, output and error, and lxc-exec exits as it does. A terminal is not
 * handed over: the command has a pty of its own that is shown on it (client/channels.h).
 *
 * SIGHUP, SIGINT, SIGQUIT and SIGTERM end all of the sandbox; then lxc-exec exits with 128 + the signal. */

#include "door.h"
#include "lxc-log.h"
#include "mxc-request.h"

/* In a sandbox of its own; or, where sandbox is an object path, as a further command of that one, which goes on. The exit status. What goes wrong
 * is said. door: of door_open(), taken over, or NULL. */
int lxc_run(const MxcRequest *request, const char *sandbox, Door *door, LxcLog *log);
