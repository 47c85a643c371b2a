"""Single faults in copies of the code: which of them does no test notice?"""
