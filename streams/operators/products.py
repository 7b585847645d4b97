class Products:
    names = frozenset()
    moves = ()

    def __init__(self, rules):
        pass
