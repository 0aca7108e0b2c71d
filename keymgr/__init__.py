"""Key managers: who decides which key a drive gets.

Application-managed encryption, where the host itself sends SECURITY PROTOCOL OUT,
is the absence of a key source and needs nothing from here.
"""
