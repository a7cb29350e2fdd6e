/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What Exited says was newly made that a program of the host would trust. Shown to whoever ran the command, on standard error. */

#include <stdbool.h>
#include <stddef.h>

#include "wire.h"

typedef struct HandedOver {
        char **paths;
        size_t n;
        bool partial; /* not everything was looked at */
        bool killed;  /* nothing was: its first process, who is to look, was killed itself */
} HandedOver;

/* Reads Exited's handoff and details, which stand last in it. What does not fit in memory makes it partial. */
void handed_over_read(HandedOver *h, WireReader *r);
void handed_over_say(const HandedOver *h);
void handed_over_clear(HandedOver *h);
