/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "cage.h"

/* What a sandbox leaves behind that a host program would trust, written on the status page by its pid 1 when nothing else lives
 * in there: with the rights of the agent, within a time and a number of directories, and never more than the page holds. If
 * anything could not be looked at, the page says that the list is not whole. */
void aftermath_report(Cage *c);
