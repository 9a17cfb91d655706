"""Studies: measurements that answer one question each; what they return is plain rows."""
