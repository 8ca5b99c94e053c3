import { Link } from 'react-router';
import { Empty } from '../ui/Empty';
import { Page } from '../ui/Page';

export function NotFoundPage() {
  return (
    <Page title="Not found">
      <Empty title="There is no page at this address.">
        <Link to="/">Go to the overview</Link>
      </Empty>
    </Page>
  );
}
