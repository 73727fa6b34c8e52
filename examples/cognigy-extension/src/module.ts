// What Cognigy.AI loads: the nodes, each with its two children, and the connections.
import { createExtension } from '@cognigy/extension-tools';
import { connections } from './connections';
import { routeToCxone } from './nodes/route-to-cxone';
import { sendSignedEvent } from './nodes/send-signed-event';
import { syncCustomerProfile } from './nodes/sync-customer-profile';

export default createExtension({
  nodes: [...sendSignedEvent, ...routeToCxone, ...syncCustomerProfile],
  connections,
  options: { label: 'trunkline' },
});
