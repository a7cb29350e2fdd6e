/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* mxcd's end of the channel to mxc-porter (common/porter-channel.h), which stands between mxcd and everybody. mxcd has neither a stranger's descriptor
 * nor his socket, in whose queue there may be some: closing one may take as long as its owner likes (common/ticket.h). Where the porter goes, mxcd
 * goes, and begins afresh. */

#include <stdbool.h>
#include <systemd/sd-event.h>

typedef struct PorterLink PorterLink;

/* By the path of a socket, or by one that is connected already, which is taken. Once the porter is gone the loop is left with EXIT_FAILURE. */
int porter_link_open(sd_event *event, const char *path, PorterLink **ret);
int porter_link_new(sd_event *event, int channel, PorterLink **ret);
PorterLink *porter_link_free(PorterLink *l);

/* False: the porter has as much to do as fits, and none of what follows would be taken. */
bool porter_link_has_room(const PorterLink *l);

/* outside is the porter's from here on, whatever is returned. *ret_inside, the caller's, speaks D-Bus: for a visitor as a server is spoken to, for the
 * bus as a bus speaks. budget and life (porter-channel.h): borrowed. */
int porter_link_visitor(PorterLink *l, int outside, int budget, int life, int *ret_inside);
int porter_link_bus(PorterLink *l, int outside, int *ret_inside);
/* Who is not let in is sent away by him as well. */
void porter_link_away(PorterLink *l, int outside);
