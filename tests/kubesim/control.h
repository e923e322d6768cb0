/*
 * control: /sim, by which tests make faults and look inside.
 */
#ifndef KUBESIM_CONTROL_H
#define KUBESIM_CONTROL_H

#include <stdbool.h>

#include "conn.h"

bool control_is(const char *path);
/* Fills reply; conn may be told to do more once the answer is out. */
void control_handle(struct conn *conn, struct reply *reply);

#endif
