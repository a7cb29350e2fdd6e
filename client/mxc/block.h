/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Addresses and blocks as configurations spell them, and what is said of those that are none. Not folded: an IPv6 block stays one. */

#include "net-rule.h"

/* A bare address is a block of one. loose: bits behind the prefix are cut off, not refused. NULL, or a complaint in the words of MXC's parser; text is made
 * in room where it is not static. */
typedef struct BlockComplaint { char room[96]; } BlockComplaint;
const char *block_parse(const char *text, bool loose, NetCidr *ret, BlockComplaint *room);
