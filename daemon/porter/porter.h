/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Who stands at one connection, in a process of his own: between whom mxcd does not know, outside, and mxcd, inside. He keeps a stranger's
 * descriptors and gives tickets for them (common/ticket.h), and what it takes to be rid of them keeps nobody else waiting. */

#include "porter-channel.h"

/* Until it is over, and no ticket is left; the process ends then. outside and inside are taken. budget: of a visitor, borrowed; NULL: outside is the system bus. */
void porter_stand(int outside, int inside, PorterBudget *budget);
