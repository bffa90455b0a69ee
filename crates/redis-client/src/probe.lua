#!lua
-- Writes nothing and calls nothing. Because of the first line Redis refuses it exactly when it would refuse a login's
-- script: while it is full, read-only, or unable to write to its disk. PING tells none of these but the last.
return 1
