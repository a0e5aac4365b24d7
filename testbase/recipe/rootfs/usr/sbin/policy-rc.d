#!/bin/sh
# Services are not started by installing them.
exit 101
