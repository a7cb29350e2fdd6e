/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "manager.h"

/* The daemon's state as text for people, in a sealed memfd positioned at its start. */
int dump_state(Manager *m, int *ret_fd);
