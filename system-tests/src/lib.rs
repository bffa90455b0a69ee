//! Both services as processes on real servers: faults, restarts, secrecy.
