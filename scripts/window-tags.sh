#!/bin/sh
# The build tags of the window on this machine. WebKitGTK 4.0 is used only where
# there is no 4.1; other systems bring their own web view.
tags=desktop,production
if [ "$(uname -s)" = Linux ] && pkg-config --exists webkit2gtk-4.1 2>/dev/null; then
  tags=$tags,webkit2_41
fi
echo "$tags"
