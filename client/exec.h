/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* mxcctl exec: a further command in a sandbox that runs. */

#include "verb.h"

extern const Verb verb_exec_command;
